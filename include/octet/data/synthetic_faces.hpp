// Faces drawn from parameters: data to learn expressions from where no real faces may be copied.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "octet/core/random.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/data/canvas.hpp"
#include "octet/data/dataset.hpp"
#include "octet/data/fer2013.hpp"

namespace octet::inline OCTET_ABI {

/// A number drawn uniformly from [low, high].
struct UniformRange {
  double low = 0, high = 1;
};

/// What is drawn, and how hard it is to tell apart. As they stand, shallow_cnn at width 0.25 tells
/// 93 % of the test set's faces right after 4 epochs and 95 % after 12.
struct SyntheticFacesOptions {
  std::int64_t count = 6000;
  std::uint64_t seed = 0;
  /// The first image's number: images [first, first + count) of the seed. Disjoint ranges are
  /// disjoint samples of the same distribution.
  std::int64_t first = 0;
  std::int64_t H = 48, W = 48;
  /// How pronounced an expression is: 0 is a neutral face, 1 the full one. The lower end decides
  /// how much of each class is hard to tell from Neutral.
  UniformRange expression_strength = {0.45, 1.0};
  /// The share of a second expression in the face: this times two uniform numbers.
  double blend = 0.25;
  /// The standard deviation of each facial muscle's deviation from its expression.
  double individuality = 0.13;
  /// In-plane rotation in degrees, shift as a share of the size, both to either side; scale factor.
  double rotation = 8, shift = 0.04;
  UniformRange scale = {0.92, 1.08};
  /// How far the head turns away, from 0 to 1.
  double turn = 0.25;
  /// The strength of light from one side, at most, and of the sensor's noise as a standard
  /// deviation.
  double light = 0.35;
  UniformRange noise = {0.005, 0.03};
  /// The share of images in which something covers part of the face.
  double occlusion = 0.1;
};

/// How far a face departs from a neutral one, in the manner of the facial action coding system
/// (Ekman and Friesen, 1978). Heights are up when positive, 1 is the full movement.
struct FacialExpression {
  double brow_inner = 0, brow_outer = 0, brow_squeeze = 0;
  double eye_open = 0;
  double mouth_curve = 0, mouth_open = 0, mouth_width = 0;
  double lip_raise = 0, nose_wrinkle = 0;

  static constexpr int components = 9;
  std::array<double*, components> all() {
    return {&brow_inner, &brow_outer,  &brow_squeeze, &eye_open,    &mouth_curve,
            &mouth_open, &mouth_width, &lip_raise,    &nose_wrinkle};
  }
};

/// The full expression of each class, in FER2013's order.
inline constexpr std::array<FacialExpression, 7> full_expressions = {{
    {-1.0, 0.35, 1.0, -0.15, -0.45, 0.15, -0.25, 0.15, 0.35},  // Angry
    {-0.55, -0.2, 0.5, -0.55, -0.5, 0.2, -0.1, 1.0, 1.0},      // Disgust
    {0.9, 0.25, 0.55, 0.65, -0.3, 0.45, 0.45, 0.0, 0.0},       // Fear
    {0.1, 0.1, 0.0, -0.3, 1.0, 0.35, 0.6, 0.1, 0.0},           // Happy
    {0.75, -0.55, 0.35, -0.4, -0.9, 0.0, -0.15, 0.0, 0.0},     // Sad
    {0.9, 1.0, 0.0, 0.8, 0.0, 1.0, -0.45, 0.0, 0.0},           // Surprise
    {0, 0, 0, 0, 0, 0, 0, 0, 0},                               // Neutral
}};

/// Draws one face, from the numbers of one Random.
template <class = WhenUsed>
class BasicSyntheticFace {
 public:
  BasicSyntheticFace(const SyntheticFacesOptions& options, std::int32_t label, const Random& random)
      : options_(options), random_(random) {
    choose_expression(label);
  }

  /// Writes H * W bytes.
  void draw(std::uint8_t* pixels) {
    const double side = static_cast<double>((std::min)(options_.H, options_.W));
    const double turn = either(options_.turn);
    const drawing::Pose pose = {
        .x = (0.5 + either(options_.shift)) * static_cast<double>(options_.W),
        .y = (0.52 + either(options_.shift)) * static_cast<double>(options_.H),
        .scale = 0.5 * side * between(options_.scale.low, options_.scale.high),
        .rotation = either(options_.rotation) * std::numbers::pi / 180,
        .squeeze = 1 - 0.35 * std::abs(turn)};
    const double tone = between(0.1, 0.9);
    drawing::Canvas canvas(options_.H, options_.W, tone, pose);
    // Features slide towards the side that the head turns to.
    slide_ = 0.28 * turn;
    background(canvas);
    head(canvas);
    for (const double side_of_face : {-1.0, 1.0}) {
      eye(canvas, side_of_face);
      brow(canvas, side_of_face);
    }
    nose(canvas);
    mouth(canvas);
    if (uniform() < options_.occlusion) occlude(canvas);
    finish(canvas, pixels);
  }

 private:
  // Each draw moves on to the next number. The order of a call's arguments is up to the compiler:
  // where there are several draws, each has a line of its own.
  double uniform() { return random_.uniform(next_++); }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  double either(double extent) { return between(-extent, extent); }
  double normal(double deviation) {
    next_ = (next_ + 1) & ~std::uint64_t{1};
    const double value = deviation * random_.normal(next_);
    next_ += 2;
    return value;
  }

  void choose_expression(std::int32_t label) {
    FacialExpression main = full_expressions[static_cast<std::size_t>(label)];
    const int other = (label + 1 + static_cast<int>(random_.below(next_++, 6))) % 7;
    FacialExpression second = full_expressions[static_cast<std::size_t>(other)];
    const double strength =
        between(options_.expression_strength.low, options_.expression_strength.high);
    const double most = options_.blend * uniform();
    const double share = most * uniform();
    for (int i = 0; i < FacialExpression::components; ++i) {
      const std::size_t part = static_cast<std::size_t>(i);
      *face_.all()[part] =
          strength * ((1 - share) * *main.all()[part] + share * *second.all()[part]) +
          normal(options_.individuality);
    }
  }

  void background(drawing::Canvas& canvas) {
    for (int blob = 0; blob < 2; ++blob) {
      const drawing::Point centre{either(1.4), either(1.4)};
      const double tone = between(0.05, 0.95);
      const double down = between(0.3, 1.2);
      const double across = between(0.3, 1.2);
      canvas.ellipse(centre, across, down, tone, 0.6);
    }
  }

  void head(drawing::Canvas& canvas) {
    skin_ = between(0.55, 0.85);
    hair_ = between(0.05, 0.4);
    width_ = between(0.72, 0.9);
    const double jaw = between(0.95, 1.1);
    // Shoulders and neck, hair behind, the face, then hair over the forehead.
    canvas.ellipse({0, 1.75}, 1.1, 0.6, between(0.1, 0.8), 1);
    canvas.ellipse({0, 1.05}, 0.36, 0.5, 0.85 * skin_, 1);
    canvas.ellipse({0, -0.22}, width_ + 0.13, 1.0 + between(-0.05, 0.12), hair_, 1);
    canvas.ellipse({-width_, 0.05}, 0.1, 0.2, 0.9 * skin_, 1);
    canvas.ellipse({width_, 0.05}, 0.1, 0.2, 0.9 * skin_, 1);
    canvas.ellipse({0, 0}, width_, jaw, skin_, 1);
    const double fringe = between(0.16, 0.38);
    const double parting = either(0.3);
    canvas.ellipse({parting, -0.98}, width_ * 0.85, fringe, hair_, 1);
  }

  void eye(drawing::Canvas& canvas, double side) {
    if (side < 0) {
      eye_distance_ = between(0.34, 0.42);
      eye_width_ = between(0.15, 0.19);
      eye_level_ = between(-0.2, -0.12);
      gaze_ = either(0.05);
      iris_ = between(0.05, 0.3);
    }
    const drawing::Point centre{side * eye_distance_ + slide_, eye_level_};
    const double open = (std::max)(0.015, 0.085 * (1 + 0.8 * face_.eye_open));
    canvas.ellipse(centre, eye_width_ + 0.04, open + 0.045, 0.8 * skin_, 0.6);
    // The white, bounded by two lids; the iris is cut by the same lids.
    const auto lids = [&](drawing::Point p) {
      const double across = (p.x - centre.x) / eye_width_;
      const double half = open * (1 - across * across);
      return std::abs(p.y - centre.y) - half;
    };
    const drawing::Box box = {centre.x - eye_width_, centre.y - open, centre.x + eye_width_,
                              centre.y + open};
    canvas.paint(box, 0.93, 1, lids);
    canvas.paint(box, iris_, 1, [&](drawing::Point p) {
      const double disc = std::hypot(p.x - centre.x - gaze_, p.y - centre.y) - 0.078;
      return (std::max)(disc, lids(p));
    });
    canvas.curve({centre.x - eye_width_, centre.y}, {centre.x, centre.y - 2 * open},
                 {centre.x + eye_width_, centre.y}, 0.02, 0.25 * skin_, 0.9);
    // A wrinkled nose and a true smile lift the cheek: a fold below the eye.
    const double fold = (std::max)(face_.nose_wrinkle, 0.6 * face_.mouth_curve);
    if (fold > 0.2)
      canvas.curve({centre.x - 0.13, centre.y + open + 0.07}, {centre.x, centre.y + open + 0.13},
                   {centre.x + 0.13, centre.y + open + 0.07}, 0.014, 0.6 * skin_,
                   (std::min)(1.0, 0.7 * fold));
  }

  void brow(drawing::Canvas& canvas, double side) {
    if (side < 0) {
      brow_thickness_ = between(0.025, 0.05);
      brow_level_ = eye_level_ - between(0.2, 0.26);
    }
    const double inner = brow_level_ - 0.15 * face_.brow_inner;
    const double outer = brow_level_ - 0.13 * face_.brow_outer;
    const double inner_x = side * (0.17 - 0.06 * face_.brow_squeeze) + slide_;
    const double outer_x = side * (eye_distance_ + 0.2) + slide_;
    canvas.curve({inner_x, inner}, {0.5 * (inner_x + outer_x), 0.5 * (inner + outer) - 0.08},
                 {outer_x, outer + 0.03}, brow_thickness_, hair_ * 0.8, 0.95);
    if (face_.brow_squeeze > 0.3)
      canvas.curve({slide_ + side * 0.05, inner - 0.03}, {slide_ + side * 0.04, inner + 0.05},
                   {slide_ + side * 0.05, inner + 0.12}, 0.012, 0.6 * skin_,
                   (std::min)(1.0, 0.8 * face_.brow_squeeze));
  }

  void nose(drawing::Canvas& canvas) {
    const double length = between(0.26, 0.36), spread = between(0.09, 0.14);
    const double x = 1.35 * slide_;
    const double tip = eye_level_ + length + 0.06 - 0.05 * face_.nose_wrinkle;
    canvas.curve({slide_ - 0.05, eye_level_}, {x - 0.02, tip - 0.15}, {x - spread, tip}, 0.014,
                 0.72 * skin_, 0.8);
    canvas.curve({x - spread, tip}, {x, tip + 0.09}, {x + spread, tip}, 0.02, 0.55 * skin_, 0.9);
    for (const double side : {-1.0, 1.0}) {
      // Folds over the bridge, and from the wings of the nose to the corners of the mouth.
      if (face_.nose_wrinkle > 0.2)
        for (const double step : {0.0, 0.07})
          canvas.curve({slide_ + side * 0.02, eye_level_ + 0.03 + step},
                       {slide_ + side * 0.08, eye_level_ - 0.01 + step},
                       {slide_ + side * 0.13, eye_level_ + 0.06 + step}, 0.014, 0.6 * skin_,
                       (std::min)(1.0, 0.8 * face_.nose_wrinkle));
      const double fold = (std::max)(face_.lip_raise, 0.8 * face_.mouth_curve);
      if (fold > 0.15)
        canvas.curve({x + side * (spread + 0.03), tip - 0.02}, {x + side * 0.3, tip + 0.1},
                     {x + side * 0.38, tip + 0.3}, 0.014, 0.65 * skin_,
                     (std::min)(1.0, 0.8 * fold));
    }
  }

  void mouth(drawing::Canvas& canvas) {
    const double x = 1.15 * slide_, level = between(0.46, 0.54);
    const double half = between(0.25, 0.32) * (1 + 0.35 * face_.mouth_width);
    const double open = (std::max)(0.0, 0.26 * face_.mouth_open);
    const double curve = 0.21 * face_.mouth_curve;
    const double lip = between(0.03, 0.055), raise = 0.09 * (std::max)(0.0, face_.lip_raise);
    // Heights of the lips at a place across the mouth: corners rise with the curve.
    const auto middle = [&](double across) { return level + curve * (0.4 - across * across); };
    const auto upper = [&](double across) {
      return middle(across) - (0.35 * open + raise) * (1 - across * across);
    };
    const auto lower = [&](double across) {
      return middle(across) + (0.65 * open - 0.3 * raise) * (1 - across * across) +
             0.12 * open * (1 - std::pow(across, 6.0));
    };
    const auto between_lips = [&](double margin) {
      return [&, margin](drawing::Point p) {
        const double across = (p.x - x) / half;
        const double inside = std::clamp(across, -1.0, 1.0);
        const double taper = margin * (1 - 0.7 * inside * inside);
        const double vertical =
            (std::max)(upper(inside) - taper - p.y, p.y - lower(inside) - taper);
        return (std::max)(vertical, (std::abs(across) - 1) * half);
      };
    };
    const drawing::Box box = {x - half - 0.05, level - 0.4, x + half + 0.05, level + 0.5};
    canvas.paint(box, 0.62 * skin_, 1, between_lips(lip));
    canvas.paint(box, 0.22 * skin_, 1, between_lips(0.012));
    const double gap = 0.9 * open + 0.7 * raise;
    if (gap > 0.05 && uniform() < 0.75) {
      const double teeth = (std::min)(0.075, 0.6 * gap);
      canvas.paint(box, 0.92, 0.9, [&](drawing::Point p) {
        const double inside = std::clamp((p.x - x) / half, -1.0, 1.0);
        return (std::max)(between_lips(-0.005)(p), p.y - upper(inside) - teeth);
      });
    }
  }

  void occlude(drawing::Canvas& canvas) {
    const double tone = between(0.05, 0.9);
    switch (random_.below(next_++, 3)) {
      case 0:  // glasses
        for (const double side : {-1.0, 1.0})
          canvas.ring({side * eye_distance_ + slide_, eye_level_}, 0.24, 0.19, 0.02, 0.1);
        canvas.curve({slide_ - 0.14, eye_level_}, {slide_, eye_level_ - 0.06},
                     {slide_ + 0.14, eye_level_}, 0.02, 0.1, 1);
        break;
      case 1: {  // a hand or a cup before the lower face
        const drawing::Point centre{either(0.6), between(0.5, 1.0)};
        const double down = between(0.15, 0.3);
        const double across = between(0.15, 0.35);
        canvas.ellipse(centre, across, down, tone, 1);
        break;
      }
      default: {  // a strand of hair
        const double x = either(0.7);
        const double radius = between(0.04, 0.09);
        const double end_x = x + either(0.6);
        const double end_y = between(-0.2, 0.5);
        const double middle_x = x + either(0.4);
        canvas.curve({x, -1.2}, {middle_x, -0.5}, {end_x, end_y}, radius, hair_, 1);
      }
    }
  }

  void finish(drawing::Canvas& canvas, std::uint8_t* pixels) {
    const double angle = between(0, 2 * std::numbers::pi), light = options_.light * uniform();
    const double contrast = between(0.65, 1.05), brightness = either(0.1);
    const double noise = between(options_.noise.low, options_.noise.high);
    const Random grain = random_.substream(1);
    const double H = static_cast<double>(options_.H), W = static_cast<double>(options_.W);
    for (std::int64_t y = 0; y < options_.H; ++y)
      for (std::int64_t x = 0; x < options_.W; ++x) {
        const double along = std::cos(angle) * (2 * static_cast<double>(x) / W - 1) +
                             std::sin(angle) * (2 * static_cast<double>(y) / H - 1);
        double value = canvas.at(y, x) * (1 + light * along);
        value = 0.5 + contrast * (value - 0.5) + brightness;
        // The sum of four uniform numbers is near enough to a normal one, and cheap.
        const std::uint64_t index = static_cast<std::uint64_t>(y * options_.W + x);
        const std::uint32_t bits = grain.bits(index);
        const int sum =
            static_cast<int>((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
        value += noise * (sum - 510) / 147.8;
        pixels[index] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + 0.5);
      }
  }

  const SyntheticFacesOptions& options_;
  Random random_;
  std::uint64_t next_ = 0;
  FacialExpression face_;
  double slide_ = 0, skin_ = 0, hair_ = 0, width_ = 0;
  double eye_distance_ = 0, eye_width_ = 0, eye_level_ = 0, gaze_ = 0, iris_ = 0;
  double brow_thickness_ = 0, brow_level_ = 0;
};
using SyntheticFace = BasicSyntheticFace<>;

/// Draws `options.count` gray faces; labels go round, so that the classes are of equal size. Image
/// i depends on (seed, first + i) and the options alone.
template <class = WhenUsed>
ImageDataset synthetic_faces(const SyntheticFacesOptions& options = {},
                             ThreadPool& pool = default_thread_pool()) {
  if (options.count < 0 || options.first < 0 || options.H < 8 || options.W < 8)
    fail(
        "synthetic_faces: expected count and first of at least 0 and a size of at least 8 x 8, "
        "got count ",
        options.count, ", first ", options.first, ", H ", options.H, ", W ", options.W);
  ImageDataset faces;
  faces.H = options.H;
  faces.W = options.W;
  faces.C = 1;
  faces.class_names = fer2013_class_names();
  const Shape all{options.count, options.H, options.W};
  faces.pixels.resize(static_cast<std::size_t>(all.elements()));
  faces.labels.resize(static_cast<std::size_t>(options.count));
  pool.parallel_for(options.count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t number = options.first + i;
      const std::int32_t label = static_cast<std::int32_t>(number % 7);
      faces.labels[static_cast<std::size_t>(i)] = label;
      const Random random = Random(options.seed).substream(static_cast<std::uint64_t>(number));
      SyntheticFace(options, label, random).draw(faces.pixels.data() + i * options.H * options.W);
    }
  });
  return faces;
}

/// Three disjoint samples: images [0, train), [train, train + validation), and so on. `count` and
/// `first` of the options are not used.
template <class = WhenUsed>
Splits synthetic_face_splits(std::int64_t train, std::int64_t validation, std::int64_t test,
                             SyntheticFacesOptions options = {},
                             ThreadPool& pool = default_thread_pool()) {
  options.first = 0;
  const auto part = [&](std::int64_t count) {
    options.count = count;
    ImageDataset faces = synthetic_faces(options, pool);
    options.first += count;
    return faces;
  };
  Splits splits;
  splits.train = part(train);
  splits.validation = part(validation);
  splits.test = part(test);
  return splits;
}

}  // namespace octet::inline OCTET_ABI
