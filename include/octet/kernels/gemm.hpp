// What follows the sum in every float matrix product and convolution.
#pragma once

#include <limits>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y = clamp(sum + bias[oc] + residual, lo, hi); what is null is left out. `residual` has the
/// layout of y and may be y itself. A NaN stays a NaN.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  T lo = -std::numeric_limits<T>::infinity();
  T hi = std::numeric_limits<T>::infinity();
  const T* residual = nullptr;
};

/// value limited to [lo, hi]; NaN passes.
template <class T>
constexpr T clamp_value(T value, T lo, T hi) {
  return value < lo ? lo : value > hi ? hi : value;
}

}  // namespace octet::inline OCTET_ABI::kernels
