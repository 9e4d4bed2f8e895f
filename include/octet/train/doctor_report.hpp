// What the doctor of int8 programs found and did, as data.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/core/json.hpp"
#include "octet/train/metrics.hpp"
#include "octet/train/share.hpp"

namespace octet::inline OCTET_ABI {

/// A network with one layer in int8 and all others in float32, against all in float32.
struct LayerCost {
  std::string layer;
  std::string type;
  McNemar answers;
  /// Answers that are others, right or wrong.
  std::int64_t changed = 0;

  std::int64_t lost() const { return answers.right_to_wrong - answers.wrong_to_right; }
};

/// One repair, tried on the program as the applied ones before had left it.
struct Treatment {
  std::string name;
  bool applied = false;
  /// Answers that became right or wrong; and that became equal to those of float32 ("wrong to
  /// right"), or ceased to be.
  McNemar answers, agreement;
  /// Of all weights, and median milliseconds of one image on one thread, before and with it.
  std::int64_t bytes_before = 0, bytes = 0;
  double milliseconds_before = 0, milliseconds = 0;
  /// What it took to try it.
  double seconds = 0;
};

struct DoctorReport {
  Evaluation in_float, before, after;
  std::int64_t ranking_images = 0;
  /// Those that lose accuracy significantly, from the one that loses most; then the others, from
  /// the one that changes most answers.
  std::vector<LayerCost> layers;
  std::vector<Treatment> treatments;

  /// The same for programs.
  template <class = WhenUsed>
  Json json() const;
};

/// The change of accuracy from one program to another on the same `images`, in 0..1, with its 95 %
/// interval: (b - c) / n +- 1.96 sqrt(b + c - (b - c)^2 / n) / n, where b answers went from wrong
/// to right and c from right to wrong.
template <class = WhenUsed>
Proportion accuracy_change(const McNemar& answers, std::int64_t images) {
  const auto n = static_cast<double>(images);
  const auto won = static_cast<double>(answers.wrong_to_right);
  const auto lost = static_cast<double>(answers.right_to_wrong);
  const double half =
      1.959963984540054 * std::sqrt(won + lost - (won - lost) * (won - lost) / n) / n;
  return {(won - lost) / n, (won - lost) / n - half, (won - lost) / n + half};
}

template <class>
Json DoctorReport::json() const {
  Json costs = Json::array(), repairs = Json::array();
  for (const LayerCost& each : layers)
    costs.push(
        Json::object()
            .set("name", each.layer)
            .set("type", each.type)
            .set("accuracy_change", share_json(accuracy_change(each.answers, ranking_images)))
            .set("mcnemar_mid_p", each.answers.mid_p)
            .set("changed", each.changed));
  for (const Treatment& each : treatments)
    repairs.push(
        Json::object()
            .set("name", each.name)
            .set("applied", each.applied)
            .set("accuracy_change", share_json(accuracy_change(each.answers, before.size())))
            .set("mcnemar_mid_p", each.answers.mid_p)
            .set("like_float32", each.agreement.wrong_to_right - each.agreement.right_to_wrong)
            .set("like_float32_mid_p", each.agreement.mid_p)
            .set("weight_bytes_before", each.bytes_before)
            .set("weight_bytes", each.bytes)
            .set("milliseconds_before", each.milliseconds_before)
            .set("milliseconds", each.milliseconds)
            .set("seconds", each.seconds));
  return Json::object()
      .set("images", before.size())
      .set("float32_accuracy", share_json(in_float.accuracy()))
      .set("int8_accuracy_before", share_json(before.accuracy()))
      .set("int8_accuracy", share_json(after.accuracy()))
      .set("ranking_images", ranking_images)
      .set("layers", std::move(costs))
      .set("treatments", std::move(repairs));
}

}  // namespace octet::inline OCTET_ABI
