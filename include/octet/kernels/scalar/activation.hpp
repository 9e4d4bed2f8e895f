// Functions of one number: value(x), and derivative(y) of Sigmoid and Tanh, given y = value(x), or
// derivative(x) of the others.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "octet/kernels/gemm_tile.hpp"

namespace octet::inline OCTET_ABI::kernels {

struct Sigmoid {
  template <class T>
  static T value(T x) {
    return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
  }
  template <class T>
  static T derivative(T y) {
    return y * (1 - y);
  }
};
struct Tanh {
  template <class T>
  static T value(T x) {
    return std::tanh(x);
  }
  template <class T>
  static T derivative(T y) {
    return 1 - y * y;
  }
};
/// clamp(x / 6 + 1 / 2, 0, 1) (Howard et al. 2019)
struct HardSigmoid {
  template <class T>
  static T value(T x) {
    return clamp_value(x / 6 + T(0.5), T(0), T(1));
  }
  template <class T>
  static T derivative(T x) {
    return x > -3 && x < 3 ? T(1) / 6 : T(0);
  }
};
/// x * hard_sigmoid(x)
struct HardSwish {
  template <class T>
  static T value(T x) {
    return x * clamp_value(x / 6 + T(0.5), T(0), T(1));
  }
  template <class T>
  static T derivative(T x) {
    return x < -3 ? T(0) : x > 3 ? T(1) : x / 3 + T(0.5);
  }
};
/// x * sigmoid(x)
struct Silu {
  template <class T>
  static T value(T x) {
    return x * Sigmoid::value(x);
  }
  template <class T>
  static T derivative(T x) {
    const T s = Sigmoid::value(x);
    return s * (1 + x * (1 - s));
  }
};
/// x * P(Z <= x) for a standard normal Z (Hendrycks and Gimpel 2016), by erf.
struct Gelu {
  template <class T>
  static T value(T x) {
    return x * T(0.5) * (1 + std::erf(x * (std::numbers::sqrt2_v<T> / 2)));
  }
  template <class T>
  static T derivative(T x) {
    const T below = T(0.5) * (1 + std::erf(x * (std::numbers::sqrt2_v<T> / 2)));
    const T density =
        std::exp(x * x / -2) * std::numbers::inv_sqrtpi_v<T> * (std::numbers::sqrt2_v<T> / 2);
    return below + x * density;
  }
};

namespace scalar {

template <class Function, class T>
void map_forward(std::int64_t count, const T* x, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = Function::value(x[i]);
}
template <class Function, class T>
void map_backward(std::int64_t count, const T* kept, const T* dy, T* dx) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = dy[i] * Function::derivative(kept[i]);
}

}  // namespace scalar
}  // namespace octet::inline OCTET_ABI::kernels
