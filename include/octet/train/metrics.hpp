// How good predictions are: accuracy with its interval, top-k, per class, the confusion matrix, and
// whether two models that saw the same images really differ.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// A share of a whole and the interval that holds the true share with 95 % confidence, all in 0..1.
struct Proportion {
  double value = 0;
  double low = 0;
  double high = 1;
};

/// Wilson's score interval (1927) for `correct` out of `count`; 0 to 1 when the count is 0.
template <class = WhenUsed>
Proportion wilson_interval(std::int64_t correct, std::int64_t count) {
  if (correct < 0 || count < correct)
    fail("wilson_interval: expected 0 <= correct <= count, got ", correct, " of ", count);
  if (count == 0) return {};
  constexpr double z = 1.959963984540054;
  const auto n = static_cast<double>(count);
  const double p = static_cast<double>(correct) / n;
  const double scale = 1 / (1 + z * z / n);
  const double center = scale * (p + z * z / (2 * n));
  const double half = scale * z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {p, (std::max)(0.0, center - half), (std::min)(1.0, center + half)};
}

/// Rows are the true classes, columns the predicted ones.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes) : classes_(classes) {
    if (classes < 1) fail("confusion matrix: expected at least one class, got ", classes);
    counts_.resize(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes));
  }

  void add(int label, int predicted) { ++counts_[index(label, predicted)]; }
  int classes() const { return classes_; }
  std::int64_t count(int label, int predicted) const { return counts_[index(label, predicted)]; }
  /// How many images have this label.
  std::int64_t labelled(int label) const {
    std::int64_t sum = 0;
    for (int predicted = 0; predicted < classes_; ++predicted) sum += count(label, predicted);
    return sum;
  }
  /// How many images were taken for this class.
  std::int64_t predicted(int predicted) const {
    std::int64_t sum = 0;
    for (int label = 0; label < classes_; ++label) sum += count(label, predicted);
    return sum;
  }
  /// Of the images of a class, the share that was found; 0 if there are none.
  double recall(int label) const { return ratio(count(label, label), labelled(label)); }
  /// Of the images taken for a class, the share that is; 0 if there are none.
  double precision(int label) const { return ratio(count(label, label), predicted(label)); }
  /// The harmonic mean of precision and recall.
  double f1(int label) const {
    return ratio(2 * count(label, label), labelled(label) + predicted(label));
  }
  double accuracy() const {
    std::int64_t correct = 0, all = 0;
    for (int label = 0; label < classes_; ++label) {
      correct += count(label, label);
      all += labelled(label);
    }
    return ratio(correct, all);
  }

 private:
  std::size_t index(int label, int predicted) const {
    OCTET_ASSERT(label >= 0 && label < classes_ && predicted >= 0 && predicted < classes_);
    return static_cast<std::size_t>(label) * static_cast<std::size_t>(classes_) +
           static_cast<std::size_t>(predicted);
  }
  static double ratio(std::int64_t part, std::int64_t whole) {
    return whole ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
  }

  int classes_;
  std::vector<std::int64_t> counts_;
};

/// What a model said about each image of a labelled set, in the set's order.
struct Evaluation {
  int classes = 0;
  std::vector<int> labels;
  std::vector<int> predicted;
  /// How many classes scored higher than the true one: 0 is a right answer. Of equal scores, that
  /// of the class with the smaller number counts as higher.
  std::vector<int> ranks;
  /// The mean cross-entropy.
  double loss = 0;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  /// How many images have their true class among the k best.
  std::int64_t correct(int k = 1) const {
    return std::count_if(ranks.begin(), ranks.end(), [k](int rank) { return rank < k; });
  }
  bool right(std::int64_t image) const { return ranks[static_cast<std::size_t>(image)] == 0; }
  /// The share of images whose true class is among the k best, in 0..1, with its interval.
  Proportion accuracy(int k = 1) const { return wilson_interval(correct(k), size()); }
  ConfusionMatrix confusion() const {
    ConfusionMatrix matrix(classes);
    for (std::size_t i = 0; i < labels.size(); ++i) matrix.add(labels[i], predicted[i]);
    return matrix;
  }
  /// The same for the images whose `keep` is true, but for the loss: theirs is not known, and not a
  /// number.
  Evaluation subset(const std::vector<bool>& keep) const {
    if (keep.size() != labels.size())
      fail("evaluation: expected ", labels.size(), " marks, got ", keep.size());
    Evaluation part{classes, {}, {}, {}, std::numeric_limits<double>::quiet_NaN()};
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (!keep[i]) continue;
      part.labels.push_back(labels[i]);
      part.predicted.push_back(predicted[i]);
      part.ranks.push_back(ranks[i]);
    }
    return part;
  }

  /// Adds one image by the scores (logits or probabilities) of its classes. A score that is not a
  /// number loses against every number.
  template <class T>
  void add(int label, std::span<const T> scores) {
    const auto beats = [&](std::size_t a, std::size_t b) {
      if (std::isnan(scores[a]) || std::isnan(scores[b]))
        return std::isnan(scores[a]) == std::isnan(scores[b]) ? a < b : !std::isnan(scores[a]);
      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
    };
    const auto truth = static_cast<std::size_t>(label);
    std::size_t best = 0;
    int rank = 0;
    for (std::size_t c = 0; c < scores.size(); ++c) {
      if (beats(c, best)) best = c;
      if (beats(c, truth)) ++rank;
    }
    classes = static_cast<int>(scores.size());
    labels.push_back(label);
    predicted.push_back(static_cast<int>(best));
    ranks.push_back(rank);
  }
};

/// McNemar's test (1947) for two models on the same images: only the images on which exactly one of
/// them is right say anything about the difference.
struct McNemar {
  std::int64_t right_to_wrong = 0;
  std::int64_t wrong_to_right = 0;
  /// Two-sided p of the exact binomial test.
  double exact_p = 1;
  /// The mid-p variant, which is less conservative (Fagerland, Lydersen and Laake, 2013).
  double mid_p = 1;
};

/// The test for `right_to_wrong` and `wrong_to_right` images.
template <class = WhenUsed>
McNemar mcnemar(std::int64_t right_to_wrong, std::int64_t wrong_to_right) {
  McNemar test{right_to_wrong, wrong_to_right, 1, 1};
  const auto n = static_cast<double>(right_to_wrong + wrong_to_right);
  if (n == 0) return test;
  const auto probability = [n](std::int64_t k) {
    const auto x = static_cast<double>(k);
    return std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) -
                    n * std::log(2.0));
  };
  const std::int64_t fewer = (std::min)(right_to_wrong, wrong_to_right);
  double tail = 0;
  for (std::int64_t k = 0; k <= fewer; ++k) tail += probability(k);
  test.exact_p = (std::min)(1.0, 2 * tail);
  test.mid_p =
      right_to_wrong == wrong_to_right ? 1 - probability(fewer) / 2 : 2 * tail - probability(fewer);
  return test;
}

/// Compares a changed model with the one it was made from.
template <class = WhenUsed>
McNemar mcnemar(const Evaluation& before, const Evaluation& after) {
  if (before.size() != after.size())
    fail("mcnemar: expected two evaluations of the same images, got ", before.size(), " and ",
         after.size());
  if (before.labels != after.labels)
    fail("mcnemar: expected two evaluations of the same images, got two whose labels differ");
  std::int64_t lost = 0, won = 0;
  for (std::int64_t i = 0; i < before.size(); ++i) {
    lost += before.right(i) && !after.right(i);
    won += !before.right(i) && after.right(i);
  }
  return mcnemar(lost, won);
}

}  // namespace octet::inline OCTET_ABI
