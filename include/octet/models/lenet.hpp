// LeNet-5, the first convolutional network that read for a living.
#pragma once

#include "octet/graph/graph.hpp"
#include "octet/nn/average_pool.hpp"
#include "octet/nn/conv2d.hpp"
#include "octet/nn/linear.hpp"
#include "octet/nn/reshape.hpp"
#include "octet/nn/tanh.hpp"

namespace octet::inline OCTET_ABI {

struct LenetOptions {
  std::int64_t classes = 7;
};

/// Two 5x5 convolutions with tanh and average pooling, then 120, 84 and the classes. LeCun, Bottou,
/// Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), with every
/// channel connected to every other and logits in place of radial basis functions.
template <class T>
Value<T> lenet(Value<T> x, const LenetOptions& options = {}) {
  x = average_pool(tanh(conv2d(x, 6, {.kernel = 5, .padding = 2})), {.kernel = 2, .stride = 2});
  x = average_pool(tanh(conv2d(x, 16, {.kernel = 5})), {.kernel = 2, .stride = 2});
  x = tanh(linear(flatten(x), 120));
  x = tanh(linear(x, 84));
  return linear(x, options.classes);
}

}  // namespace octet::inline OCTET_ABI
