// What happened in each epoch: kept in checkpoints, written as CSV.
#pragma once

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "octet/core/json.hpp"

namespace octet::inline OCTET_ABI {

/// One epoch. Losses are means of the cross-entropy, accuracies lie in 0..1.
struct EpochRecord {
  /// Counted from 0; lines for people, csv() among them, count from 1.
  int epoch = 0;
  /// Steps since the start of training, at the end of this epoch.
  std::int64_t step = 0;
  /// In the last step of the epoch.
  double learning_rate = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  /// Not a number where there was no validation set.
  double validation_loss = 0;
  double validation_accuracy = 0;
  /// Of training alone, without validation.
  double seconds = 0;
  double images_per_second = 0;
};

/// All epochs so far.
template <class = WhenUsed>
struct BasicHistory {
  std::vector<EpochRecord> epochs;

  /// A table with a header line; numbers that are not known are left out.
  std::string csv() const {
    std::string text =
        "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,"
        "seconds,images_per_second\n";
    const auto number = [](double value, const char* format) {
      // Room for a loss of 300 digits.
      char buffer[400];
      std::snprintf(buffer, sizeof buffer, format, value);
      return std::isfinite(value) ? std::string(buffer) : std::string();
    };
    for (const EpochRecord& e : epochs)
      text +=
          text_of(e.epoch + 1, ',', e.step, ',', number(e.learning_rate, "%.9g"), ',',
                  number(e.train_loss, "%.6f"), ',', number(e.train_accuracy, "%.6f"), ',',
                  number(e.validation_loss, "%.6f"), ',', number(e.validation_accuracy, "%.6f"),
                  ',', number(e.seconds, "%.2f"), ',', number(e.images_per_second, "%.1f"), '\n');
    return text;
  }

  /// As JSON that reads back to the same numbers; what is not finite reads back as not a number.
  Json json() const {
    Json all = Json::array();
    for (const EpochRecord& e : epochs)
      all.push(Json::Array{e.epoch, e.step, e.learning_rate, e.train_loss, e.train_accuracy,
                           e.validation_loss, e.validation_accuracy, e.seconds,
                           e.images_per_second});
    return all;
  }
  static BasicHistory from_json(const Json& json) {
    BasicHistory history;
    for (const Json& each : json.as_array()) {
      const Json::Array& row = each.as_array();
      if (row.size() != 9) fail("history: expected 9 numbers for an epoch, got ", row.size());
      const auto number = [&](std::size_t i) {
        return row[i].is_null() ? std::numeric_limits<double>::quiet_NaN() : row[i].as_number();
      };
      history.epochs.push_back({static_cast<int>(row[0].as_integer()), row[1].as_integer(),
                                number(2), number(3), number(4), number(5), number(6), number(7),
                                number(8)});
    }
    return history;
  }
};
using History = BasicHistory<>;

}  // namespace octet::inline OCTET_ABI
