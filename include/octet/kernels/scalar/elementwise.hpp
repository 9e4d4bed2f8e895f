// Element by element: activations and their gradients, sums, and the steps of the optimizers.
#pragma once

#include <cmath>

#include "octet/kernels/gemm_tile.hpp"

namespace octet::inline OCTET_ABI::kernels {

/// One step of Adam (Kingma and Ba 2015), as PyTorch takes it. With g the gradient:
///   g += coupled_weight_decay * p
///   p -= learning_rate * decoupled_weight_decay * p   (AdamW, Loshchilov and Hutter 2019)
///   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g * g
///   p -= learning_rate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
/// `beta1_power` and `beta2_power` stand for the powers, so that a schedule may change the betas.
struct AdamStep {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double beta1_power = 0.9, beta2_power = 0.999;
  double epsilon = 1e-8;
  double coupled_weight_decay = 0, decoupled_weight_decay = 0;
};

/// Which gradient momentum looks at: here (heavy ball) or ahead (Nesterov).
enum class Momentum { heavy_ball, nesterov };

/// One step of stochastic gradient descent, as PyTorch takes it. With g the gradient:
///   g += coupled_weight_decay * p;  p -= learning_rate * decoupled_weight_decay * p
///   m = momentum * m + g;  p -= learning_rate * (nesterov ? g + momentum * m : m)
struct SgdStep {
  double learning_rate = 1e-2;
  double momentum = 0;
  Momentum kind = Momentum::heavy_ball;
  double coupled_weight_decay = 0, decoupled_weight_decay = 0;
};

namespace scalar {

template <class T>
void clamp_forward(std::int64_t count, const T* x, T lo, T hi, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = clamp_value(x[i], lo, hi);
}
template <class T>
void clamp_backward(std::int64_t count, const T* y, const T* dy, T lo, T hi, T* dx) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] > lo && y[i] < hi ? dy[i] : T(0);
}
template <class T>
void leaky_relu_forward(std::int64_t count, const T* x, T slope, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] > 0 ? x[i] : x[i] * slope;
}
template <class T>
void leaky_relu_backward(std::int64_t count, const T* x, const T* dy, T slope, T* dx) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = x[i] > 0 ? dy[i] : dy[i] * slope;
}
template <class T>
void add(std::int64_t count, const T* a, const T* b, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}
template <class T>
void multiply(std::int64_t count, const T* a, const T* b, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
}
template <class T>
void scale(std::int64_t count, T factor, const T* x, T* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = factor * x[i];
}

/// The coefficients of one Adam step, rounded once.
template <class T>
struct AdamCoefficients {
  T beta1, one_minus_beta1, beta2, one_minus_beta2, rate, inverse_root, epsilon, decay, keep;
  explicit AdamCoefficients(const AdamStep& s)
      : beta1(static_cast<T>(s.beta1)),
        one_minus_beta1(static_cast<T>(1 - s.beta1)),
        beta2(static_cast<T>(s.beta2)),
        one_minus_beta2(static_cast<T>(1 - s.beta2)),
        rate(static_cast<T>(s.learning_rate / (1 - s.beta1_power))),
        inverse_root(static_cast<T>(1 / std::sqrt(1 - s.beta2_power))),
        epsilon(static_cast<T>(s.epsilon)),
        decay(static_cast<T>(s.coupled_weight_decay)),
        keep(static_cast<T>(1 - s.learning_rate * s.decoupled_weight_decay)) {}
};

template <class T>
void adam(std::int64_t count, const AdamStep& step, const T* gradient, T* p, T* m, T* v) {
  const AdamCoefficients<T> k(step);
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = gradient[i] + k.decay * p[i];
    m[i] = k.beta1 * m[i] + k.one_minus_beta1 * g;
    v[i] = k.beta2 * v[i] + k.one_minus_beta2 * g * g;
    p[i] = k.keep * p[i] - k.rate * m[i] / (std::sqrt(v[i]) * k.inverse_root + k.epsilon);
  }
}
template <class T>
void sgd(std::int64_t count, const SgdStep& step, const T* gradient, T* p, T* m) {
  const T rate = static_cast<T>(step.learning_rate), momentum = static_cast<T>(step.momentum);
  const T decay = static_cast<T>(step.coupled_weight_decay);
  const T keep = static_cast<T>(1 - step.learning_rate * step.decoupled_weight_decay);
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = gradient[i] + decay * p[i];
    if (m) m[i] = momentum * m[i] + g;
    const T direction = !m ? g : step.kind == Momentum::nesterov ? g + momentum * m[i] : m[i];
    p[i] = keep * p[i] - rate * direction;
  }
}

}  // namespace scalar

}  // namespace octet::inline OCTET_ABI::kernels
