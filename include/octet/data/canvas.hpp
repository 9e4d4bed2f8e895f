// A gray canvas on which smooth shapes are drawn without jagged edges.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::drawing {

struct Point {
  double x = 0, y = 0;
};

struct Box {
  double left, top, right, bottom;
};

/// Where the origin of the drawing lies in pixels, the pixels that its unit takes, its rotation in
/// radians, and how much narrower than tall it appears.
struct Pose {
  double x = 0, y = 0, scale = 1, rotation = 0, squeeze = 1;
};

/// H x W tones, 0 black to 1 white. Shapes are given in the drawing's own coordinates (x to the
/// right, y down) by their signed distance: negative inside. A pixel whose centre lies within half
/// a pixel of an edge gets the share of the tone that the edge leaves it.
template <class = WhenUsed>
class BasicCanvas {
 public:
  BasicCanvas(std::int64_t H, std::int64_t W, double tone, const Pose& pose)
      : H_(H),
        W_(W),
        pose_(pose),
        cos_(std::cos(pose.rotation)),
        sin_(std::sin(pose.rotation)),
        tones_(static_cast<std::size_t>(H * W), tone) {}

  double at(std::int64_t y, std::int64_t x) const {
    return tones_[static_cast<std::size_t>(y * W_ + x)];
  }

  /// Paints the points whose distance is negative; `box` encloses them.
  template <class Distance>
  void paint(const Box& box, double tone, double opacity, Distance&& distance) {
    double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
    for (const Point corner : {Point{box.left, box.top}, Point{box.right, box.top},
                               Point{box.left, box.bottom}, Point{box.right, box.bottom}}) {
      const Point pixel = to_pixels(corner);
      left = (std::min)(left, pixel.x);
      top = (std::min)(top, pixel.y);
      right = (std::max)(right, pixel.x);
      bottom = (std::max)(bottom, pixel.y);
    }
    const auto clip = [](double value, std::int64_t extent) {
      return static_cast<std::int64_t>(std::clamp(value, 0.0, static_cast<double>(extent)));
    };
    const std::int64_t x_end = clip(right + 2, W_), y_end = clip(bottom + 2, H_);
    for (std::int64_t y = clip(top - 1, H_); y < y_end; ++y)
      for (std::int64_t x = clip(left - 1, W_); x < x_end; ++x) {
        const double pixels =
            distance(to_drawing(static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5)) *
            pose_.scale;
        const double share = std::clamp(0.5 - pixels, 0.0, 1.0) * opacity;
        double& old = tones_[static_cast<std::size_t>(y * W_ + x)];
        old += share * (tone - old);
      }
  }

  void ellipse(Point centre, double across, double down, double tone, double opacity) {
    paint({centre.x - across, centre.y - down, centre.x + across, centre.y + down}, tone, opacity,
          [&](Point p) { return ellipse_distance(p, centre, across, down); });
  }

  /// The outline of an ellipse.
  void ring(Point centre, double across, double down, double thickness, double tone) {
    const double half = 0.5 * thickness;
    paint({centre.x - across - half, centre.y - down - half, centre.x + across + half,
           centre.y + down + half},
          tone, 1,
          [&](Point p) { return std::abs(ellipse_distance(p, centre, across, down)) - half; });
  }

  /// A stroke along the quadratic Bezier curve from a to c with control point b.
  void curve(Point a, Point b, Point c, double radius, double tone, double opacity) {
    constexpr int pieces = 8;
    Point points[pieces + 1];
    for (int i = 0; i <= pieces; ++i) {
      const double t = static_cast<double>(i) / pieces, u = 1 - t;
      points[i] = {u * u * a.x + 2 * u * t * b.x + t * t * c.x,
                   u * u * a.y + 2 * u * t * b.y + t * t * c.y};
    }
    const Box box = {(std::min)({a.x, b.x, c.x}) - radius, (std::min)({a.y, b.y, c.y}) - radius,
                     (std::max)({a.x, b.x, c.x}) + radius, (std::max)({a.y, b.y, c.y}) + radius};
    paint(box, tone, opacity, [&](Point p) {
      double nearest = 1e9;
      for (int i = 0; i < pieces; ++i)
        nearest = (std::min)(nearest, squared_distance(p, points[i], points[i + 1]));
      return std::sqrt(nearest) - radius;
    });
  }

 private:
  // First-order distance to an ellipse: exact on its edge, which is where it matters.
  static double ellipse_distance(Point p, Point centre, double across, double down) {
    const double x = (p.x - centre.x) / across, y = (p.y - centre.y) / down;
    const double length = std::sqrt(x * x + y * y);
    const double slope = std::sqrt(x * x / (across * across) + y * y / (down * down));
    return slope < 1e-9 ? -(std::min)(across, down) : length * (length - 1) / slope;
  }
  static double squared_distance(Point p, Point a, Point b) {
    const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    const double t =
        length > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0.0, 1.0) : 0.0;
    const double x = p.x - a.x - t * dx, y = p.y - a.y - t * dy;
    return x * x + y * y;
  }

  Point to_pixels(Point p) const {
    const double x = p.x * pose_.squeeze * pose_.scale, y = p.y * pose_.scale;
    return {pose_.x + cos_ * x - sin_ * y, pose_.y + sin_ * x + cos_ * y};
  }
  Point to_drawing(double pixel_x, double pixel_y) const {
    const double x = pixel_x - pose_.x, y = pixel_y - pose_.y;
    return {(cos_ * x + sin_ * y) / (pose_.scale * pose_.squeeze),
            (cos_ * y - sin_ * x) / pose_.scale};
  }

  std::int64_t H_, W_;
  Pose pose_;
  double cos_, sin_;
  std::vector<double> tones_;
};
using Canvas = BasicCanvas<>;

}  // namespace octet::inline OCTET_ABI::drawing
