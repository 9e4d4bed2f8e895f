// What a model carries beside its weights, so that it can be used later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <octet/core/safetensors.hpp>
#include <octet/data/dataset.hpp>
#include <octet/data/transforms/normalize.hpp>

namespace fer {

/// Which fold of CK+ a model was not trained on, from 1, and among how many.
struct Fold {
  int number = 1;
  int count = 10;

  bool operator==(const Fold&) const = default;
};

struct ModelCard {
  std::string name;
  std::vector<std::string> class_names;
  octet::NormalizeOptions normalization;
  /// If it learned from CK+.
  std::optional<Fold> fold = {};

  octet::Metadata metadata() const;
  /// Whether a file's metadata hold one: those of a program that was saved without do not.
  static bool is_in(const octet::Metadata& metadata);
  /// Fails, naming the file, if it does not say what its classes and its normalization are, or what
  /// it says makes no sense.
  static ModelCard from(const octet::Metadata& metadata, const std::string& path);

  bool knows_contempt() const;
};

}  // namespace fer
