// The softmax of rows and its gradient, as they are defined.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

template <class T>
void softmax_forward(std::int64_t rows, std::int64_t columns, const T* x, T* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    const T top = *std::max_element(x, x + columns);
    T sum = 0;
    for (std::int64_t c = 0; c < columns; ++c) sum += y[c] = std::exp(x[c] - top);
    for (std::int64_t c = 0; c < columns; ++c) y[c] /= sum;
  }
}
template <class T>
void softmax_backward(std::int64_t rows, std::int64_t columns, const T* y, const T* dy, T* dx) {
  for (std::int64_t row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    T sum = 0;
    for (std::int64_t c = 0; c < columns; ++c) sum += y[c] * dy[c];
    for (std::int64_t c = 0; c < columns; ++c) dx[c] = y[c] * (dy[c] - sum);
  }
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
