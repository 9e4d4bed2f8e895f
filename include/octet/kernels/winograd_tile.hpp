// The transforms of Winograd's convolution: what one implementation gives for one tile.
#pragma once

#include <cstdint>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// The points of F(4x4, 3x3), beside 0 and infinity: +-winograd_a and +-winograd_b. Reciprocal
/// points lose less than the customary 1 and 2 (Alam et al., Winograd convolution for deep neural
/// networks: efficient point selection, 2022).
inline constexpr float winograd_a = 0.70710678118654752f, winograd_b = 1.41421356237309505f;

/// One tile of y from the sums over channels at its points: y = epilogue(A^T sums A). Point p of
/// channel c is points[p * stride + c].
struct WinogradOutput {
  float* points;
  std::int64_t stride, channels;
  float* y;
  std::int64_t row_stride, pixel_stride;
  std::int64_t rows, columns;  ///< those of the m x m outputs that exist
  const float* bias;
  std::ptrdiff_t residual;  ///< from y to the residual, in floats
  bool has_residual;
  float lo, hi;
};

}  // namespace octet::inline OCTET_ABI::kernels
