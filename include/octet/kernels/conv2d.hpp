// Convolution of float or double images, its gradients, and the form with packed weights that
// programs run. Linear layers are 1x1 convolutions: see linear_shape().
#pragma once

#include <cstddef>

#include "octet/core/aligned.hpp"
#include "octet/core/cpu.hpp"
#include "octet/core/thread_pool.hpp"
#include "octet/kernels/conv2d_shape.hpp"
#include "octet/kernels/gemm.hpp"
#include "octet/kernels/normalization.hpp"
#include "octet/kernels/scalar/conv2d.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// y = epilogue(x * w), the formula of Conv2dShape. x is [N, H, W, C], w [OC, KH, KW, C / groups],
/// y [N, OH, OW, OC].
template <class T>
void conv2d_forward(const Conv2dShape& shape, const T* x, const T* w, const Epilogue<T>& epilogue,
                    T* y, ThreadPool& pool) {
  pool.parallel_for(shape.N * shape.OH, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_forward(shape, x, w, epilogue, y, begin, end);
  });
}

/// The gradient by x: assigns dx, [N, H, W, C].
template <class T>
void conv2d_backward_input(const Conv2dShape& shape, const T* dy, const T* w, T* dx,
                           ThreadPool& pool) {
  pool.parallel_for(shape.N * shape.H, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_backward_input(shape, dy, w, dx, begin, end);
  });
}

/// The gradient by w: adds to dw, [OC, KH, KW, C / groups].
template <class T>
void conv2d_backward_weight(const Conv2dShape& shape, const T* x, const T* dy, T* dw,
                            ThreadPool& pool) {
  pool.parallel_for(shape.OC, 1, [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_backward_weight(shape, x, dy, dw, begin, end);
  });
}

/// Weights in the order in which one implementation reads them.
struct PackedConv2d {
  AlignedVector<float> data;
  Isa isa = Isa::scalar;
};

/// Packs w, [OC, KH, KW, C / groups], for the best implementation that `isa` allows.
inline PackedConv2d pack_conv2d(const Conv2dShape& shape, const float* w, Isa isa = active_isa()) {
  static_cast<void>(isa);
  const std::int64_t count = shape.OC * shape.KH * shape.KW * (shape.C / shape.groups);
  return {AlignedVector<float>(w, w + count), Isa::scalar};
}

/// Bytes of 64-byte aligned scratch memory that conv2d_run needs.
inline std::size_t conv2d_scratch_bytes(const Conv2dShape&, const PackedConv2d&, int) { return 0; }

/// conv2d_forward with packed weights, bit for bit; allocates nothing. Runs on the caller alone
/// when `pool` is null.
inline void conv2d_run(const Conv2dShape& shape, const float* x, const PackedConv2d& packed,
                       const Epilogue<float>& epilogue, float* y, std::byte*,
                       ThreadPool* pool) noexcept {
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    scalar::conv2d_forward(shape, x, packed.data.data(), epilogue, y, begin, end);
  };
  if (pool)
    pool->parallel_for(shape.N * shape.OH, 1, rows);
  else
    rows(0, shape.N * shape.OH);
}

}  // namespace octet::inline OCTET_ABI::kernels
