// The multiplications of a convolution or linear layer, in the precision of the pass.
#pragma once

#include <algorithm>
#include <type_traits>

#include "octet/kernels/conv2d.hpp"
#include "octet/kernels/conv2d_bf16.hpp"
#include "octet/kernels/conv2d_bf16_backward.hpp"
#include "octet/kernels/pointwise_f32.hpp"
#include "octet/nn/layer.hpp"

namespace octet::inline OCTET_ABI {

/// What multiplies this shape when bf16 is asked for: whatever is faster. AMX does it in bf16. As
/// vectors, bf16 saves half of the multiplications, where Winograd's algorithm saves three fourths;
/// rounding a few channels costs more than it saves, and 1x1 convolutions that do the work of their
/// batch norms, in float32, save memory accesses instead. Measured with AVX-512 BF16, forward and
/// both gradients, as speed over float32: 3x3 of 64 channels 0.61, with stride 2 1.27; a step of
/// mobilenet_v2 whose 1x1 convolutions of 64 and more channels are bf16 0.97.
template <class = WhenUsed>
Precision multiplied_in(const kernels::Conv2dShape& shape, Precision precision,
                        const kernels::Bf16Implementation& row = kernels::select_bf16()) {
  if (precision == Precision::float32 || row.isa == Isa::amx) return precision;
  const bool narrow = (std::min)(shape.C, shape.OC) / shape.groups < 64;
  const bool winograd = kernels::winograd_possible(kernels::select_gemm(), shape);
  // A linear layer is a line of pixels, and has no batch norms.
  const bool normalizes = shape.H > 1 && kernels::is_narrow_pointwise(shape);
  return narrow || winograd || normalizes ? Precision::float32 : Precision::bf16;
}

/// Whether the float products of this shape normalize what they read and complete gradients.
template <class = WhenUsed>
bool multiplies_pixels(const kernels::Conv2dShape& shape, Precision precision) {
  return multiplied_in(shape, precision) == Precision::float32 &&
         kernels::is_narrow_pointwise(shape) && kernels::select_gemm().product;
}

/// y = x * w + bias; bias may be null.
template <class T>
void multiply_forward(const kernels::Conv2dShape& shape, const T* x, const T* w, const T* bias,
                      T* y, const Pass& pass) {
  if constexpr (std::is_same_v<T, float>) {
    if (multiplied_in(shape, pass.precision) == Precision::bf16)
      return kernels::conv2d_forward_bf16<float>(kernels::select_bf16(), shape, x, w, bias, y,
                                                 pass.threads());
    if (multiplies_pixels(shape, pass.precision))
      return kernels::pointwise_forward(
          kernels::select_gemm(), shape, x, pass.fused.normalization, w, bias, y,
          pass.fused.moments, kernels::stores_through(shape.N * shape.OH * shape.OW * shape.OC),
          pass.threads());
  }
  kernels::conv2d_forward<T>(shape, x, w, {.bias = bias}, y, pass.threads());
}

/// The gradient by the weights, unless they are frozen, and by x, unless dx is null. y is read only
/// if the pass has a deferred gradient.
template <class T>
void multiply_backward(const kernels::Conv2dShape& shape, const T* x, const T* y, const T* dy,
                       Parameter<T>& weight, T* dx, const Pass& pass) {
  const bool learns = weight.learning_rate_factor != 0;
  const T* const w = weight.value.data();
  T* const dw = weight.gradient.data();
  if constexpr (std::is_same_v<T, float>) {
    if (multiplied_in(shape, pass.precision) == Precision::bf16) {
      const kernels::Bf16Implementation& row = kernels::select_bf16();
      if (kernels::has_joint_backward(shape))
        return kernels::conv2d_backward_bf16<float>(row, shape, x, dy, pass.fused.deferred, y, w,
                                                    learns ? dw : nullptr, dx, pass.threads());
      if (learns)
        kernels::conv2d_backward_weight_bf16<float>(row, shape, x, dy, dw, pass.threads());
      if (dx) kernels::conv2d_backward_input_bf16<float>(row, shape, dy, w, dx, pass.threads());
      return;
    }
    if (multiplies_pixels(shape, pass.precision))
      return kernels::pointwise_backward(
          kernels::select_gemm(), shape, x, dy,
          {pass.fused.normalization, dx ? pass.fused.sums : nullptr, pass.fused.deferred, y}, w,
          learns ? dw : nullptr, dx, kernels::stores_through(shape.N * shape.H * shape.W * shape.C),
          pass.threads());
  }
  if (learns) kernels::conv2d_backward_weight<T>(shape, x, dy, dw, pass.threads());
  if (dx) kernels::conv2d_backward_input<T>(shape, dy, w, dx, pass.threads());
}

}  // namespace octet::inline OCTET_ABI
