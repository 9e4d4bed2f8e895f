// First values of parameters.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "octet/core/json.hpp"
#include "octet/core/random.hpp"
#include "octet/core/tensor.hpp"
#include "octet/nn/attributes.hpp"

namespace octet::inline OCTET_ABI {

/// Whether a layer adds a learned bias, which starts at zero.
enum class Bias { none, learned };

/// A rule for the first values of a tensor. fan_in is how many inputs one output sums up, fan_out
/// how many outputs one input goes into. He: K. He et al., "Delving deep into rectifiers" (2015).
/// Glorot: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
/// neural networks" (2010).
class Initializer {
 public:
  static Initializer zeros() { return {Kind::constant, 0, 0}; }
  static Initializer constant(double value) { return {Kind::constant, value, 0}; }
  /// Uniform in (low, high).
  static Initializer uniform(double low, double high) { return {Kind::uniform, low, high}; }
  static Initializer normal(double mean, double deviation) {
    return {Kind::normal, mean, deviation};
  }
  /// Normal with variance 2 / fan_in: keeps the variance of activations through ReLU.
  static Initializer he_normal() { return {Kind::he_normal, 0, 0}; }
  /// Uniform in +-sqrt(6 / ((1 + negative_slope^2) fan_in)): for ReLU the variance of he_normal().
  static Initializer he_uniform(double negative_slope = 0) {
    return {Kind::he_uniform, negative_slope, 0};
  }
  /// Uniform in +-1 / sqrt(fan_in), which is he_uniform(sqrt(5)): what convolutions and linear
  /// layers have where nothing else is asked for, here as in PyTorch, whose biases are drawn, too:
  /// here they begin at 0. First logits are close to 0.
  static Initializer standard() { return he_uniform(std::sqrt(5.0)); }
  /// Normal with variance 2 / (fan_in + fan_out).
  static Initializer glorot_normal() { return {Kind::glorot_normal, 0, 0}; }
  /// Uniform in +-sqrt(6 / (fan_in + fan_out)).
  static Initializer glorot_uniform() { return {Kind::glorot_uniform, 0, 0}; }

  /// Fills the tensor; element i depends on (random, i) alone.
  template <class T>
  void fill(TensorView<T> tensor, std::int64_t fan_in, std::int64_t fan_out,
            const Random& random) const {
    const double in = static_cast<double>(fan_in), out = static_cast<double>(fan_out);
    switch (kind_) {
      case Kind::constant:
        return std::fill(tensor.begin(), tensor.end(), static_cast<T>(a_));
      case Kind::uniform:
        return fill_uniform(tensor, a_, b_, random);
      case Kind::normal:
        return fill_normal(tensor, a_, b_, random);
      case Kind::he_normal:
        return fill_normal(tensor, 0, std::sqrt(2 / in), random);
      case Kind::he_uniform: {
        const double bound = std::sqrt(6 / ((1 + a_ * a_) * in));
        return fill_uniform(tensor, -bound, bound, random);
      }
      case Kind::glorot_normal:
        return fill_normal(tensor, 0, std::sqrt(2 / (in + out)), random);
      case Kind::glorot_uniform:
        return fill_uniform(tensor, -std::sqrt(6 / (in + out)), std::sqrt(6 / (in + out)), random);
    }
  }

  /// As [name, a, b]: a and b are the value, the bounds, mean and deviation, or the
  /// negative slope.
  Json json() const {
    return Json::array().push(names[static_cast<std::size_t>(kind_)]).push(a_).push(b_);
  }
  /// The member `name` of a layer's attributes.
  static Initializer from_attributes(std::string_view type, const Json& attributes,
                                     std::string_view name) {
    const Json& json = AttributeReader(type, attributes).member(name);
    if (json.is_array() && json.as_array().size() == 3) {
      const Json::Array& parts = json.as_array();
      for (std::size_t i = 0; i < names.size(); ++i)
        if (parts[0].is_string() && parts[0].as_string() == names[i] && parts[1].is_number() &&
            parts[2].is_number())
          return {static_cast<Kind>(i), parts[1].as_number(), parts[2].as_number()};
    }
    fail(type, ": attribute \"", name, "\": expected an initializer like [\"he_normal\",0,0], got ",
         json.text().substr(0, 60));
  }

  friend bool operator==(const Initializer&, const Initializer&) = default;

 private:
  enum class Kind {
    constant,
    uniform,
    normal,
    he_normal,
    he_uniform,
    glorot_normal,
    glorot_uniform
  };
  static constexpr std::array<std::string_view, 7> names = {
      "constant",   "uniform",       "normal",        "he_normal",
      "he_uniform", "glorot_normal", "glorot_uniform"};

  Initializer(Kind kind, double a, double b) : kind_(kind), a_(a), b_(b) {}

  template <class T>
  static void fill_uniform(TensorView<T> tensor, double low, double high, const Random& random) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor[i] = static_cast<T>(random.uniform(static_cast<std::uint64_t>(i), low, high));
  }
  template <class T>
  static void fill_normal(TensorView<T> tensor, double mean, double deviation,
                          const Random& random) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor[i] = static_cast<T>(mean + deviation * random.normal(static_cast<std::uint64_t>(i)));
  }

  Kind kind_;
  double a_, b_;
};

}  // namespace octet::inline OCTET_ABI
