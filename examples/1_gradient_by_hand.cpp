// Lesson 1: a tensor, and a gradient by hand.
//
// A network is a function with many parameters, and training asks one question again and again: if
// this parameter grew a little, how would the loss change? The answer is a gradient. This lesson
// computes one on paper, lets Octet compute the same, and takes a single step downhill.
//
// The function is a linear layer with two inputs and one output, y = w0 * x0 + w1 * x1 + b. The
// loss is the squared distance from a target t, L = (y - t)^2. The chain rule says
//
//     dL/dy = 2 (y - t),   dL/dw0 = dL/dy * x0,   dL/dw1 = dL/dy * x1,   dL/db = dL/dy.
//
// Every layer in include/octet/nn does just this: forward() computes y, backward() turns dL/dy into
// the gradient by each parameter and by each input, and hands the latter to the layer before it.

#include <cstdio>

#include "octet/octet.hpp"

int main() {
  // A tensor is a shape and its numbers. The first extent is the batch: here, one example of two.
  const octet::Tensor<double> x({1, 2}, {3.0, -1.0});
  const double target = 0.5;

  octet::Graph<double> net(/*seed=*/1);
  net.output(octet::linear(net.input({2}), 1));

  // The parameters of a graph are tensors too. Numbers that are easy to follow on paper:
  octet::Parameter<double>& weight = *net.parameters()[0];
  octet::Parameter<double>& bias = *net.parameters()[1];
  weight.value = octet::Tensor<double>({1, 2}, {0.5, 2.0});
  bias.value = octet::Tensor<double>({1}, {0.25});

  // The executor owns what lies between the layers, and runs them forwards and backwards.
  octet::Executor<double> executor(net);
  executor.forward(x, octet::Mode::training);
  const double y = executor.output()[0];
  const double d_y = 2 * (y - target);
  std::printf("y = 0.5 * 3 + 2 * (-1) + 0.25 = %g\n", y);
  std::printf("L = (y - %g)^2 = %g, dL/dy = %g\n\n", target, (y - target) * (y - target), d_y);

  // A backward pass starts from dL/dy and adds to the gradient of each parameter.
  executor.output_gradient()[0] = d_y;
  executor.backward();
  std::printf("            by hand   by Octet\n");
  std::printf("dL/dw0     %8g   %8g\n", d_y * x[0], weight.gradient[0]);
  std::printf("dL/dw1     %8g   %8g\n", d_y * x[1], weight.gradient[1]);
  std::printf("dL/db      %8g   %8g\n\n", d_y, bias.gradient[0]);

  // A step against the gradient makes the loss smaller: this is all that an optimizer does.
  const double learning_rate = 0.02;
  for (octet::Parameter<double>* const parameter : net.parameters())
    for (std::int64_t i = 0; i < parameter->value.elements(); ++i)
      parameter->value[i] -= learning_rate * parameter->gradient[i];
  executor.forward(x, octet::Mode::training);
  const double after = executor.output()[0] - target;
  std::printf("after one step: L = %g\n", after * after);

  const bool right = weight.gradient[0] == d_y * x[0] && weight.gradient[1] == d_y * x[1] &&
                     bias.gradient[0] == d_y && after * after < (y - target) * (y - target);
  return right ? 0 : 1;
}
