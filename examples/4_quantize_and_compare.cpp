// Lesson 4: eight bits instead of thirty-two, and what that costs.
//
// A float32 network is slow and large for what it does: its activations lie in a range that
// training has settled, and within it a number out of 256 is mostly good enough. Post-training
// quantization finds those ranges by running a few hundred images (calibration), and writes every
// tensor x as
//
//     x = s * (q - z),   q = clamp(round(x / s) + z, -128, 127)
//
// with a scale s and a zero point z for each activation. Weights have a scale for each output
// channel, z = 0, and q from -127. A convolution then is a sum of products of small integers, which
// is exact, and one multiplication by s_x * s_w / s_y that brings the sum back to eight bits.
//
// Is it as good? Two accuracies side by side do not tell: on 500 faces each is uncertain by some
// percent. But both networks saw the same faces, so the question is how many of them flipped: right
// before and wrong after, or the other way round. McNemar's test says how likely such a difference,
// or a larger one, is if the two are equally good.

#include <cstdio>

#include "octet/octet.hpp"

int main() {
  const octet::Splits faces = octet::synthetic_face_splits(2000, 0, 500);
  const octet::Pipeline prepare{octet::normalize(octet::channel_statistics(faces.train))};
  octet::Loader loader(faces.train, prepare, {.batch = 50, .seed = 1});

  // A small residual network, trained for three epochs.
  octet::Graph<float> net(/*seed=*/1);
  auto x = net.input({48, 48, 1});
  x = relu(batch_norm(conv2d(x, 16, {.kernel = 3, .stride = 2, .padding = 1})));
  x = relu(batch_norm(conv2d(x, 32, {.kernel = 3, .stride = 2, .padding = 1})));
  x = relu(x + batch_norm(conv2d(x, 32, {.kernel = 3, .padding = 1})));
  net.output(linear(flatten(max_pool(x, {.kernel = 2})), 7));
  octet::Optimizer<float> optimizer = octet::adam<float>();
  octet::FitOptions<float> options;
  options.epochs = 3;
  options.schedule =
      octet::one_cycle({.max_learning_rate = 3e-3, .total_steps = options.epochs * loader.steps()});
  options.progress = stdout;
  octet::fit(net, loader, optimizer, options);

  // Compiling folds batch norm into the convolutions and plans the memory; quantizing needs images.
  const octet::Program in_float = octet::compile(net);
  octet::Batch calibration;
  octet::Loader images(faces.train, prepare, {.batch = 256, .order = octet::Order::sequential});
  images.next(calibration);
  const octet::QuantizedProgram in_int8 = octet::quantize(net, calibration.images);
  std::printf("\n%s\n", in_int8.report.text().c_str());

  const octet::Evaluation before = octet::evaluate(in_float, faces.test, prepare);
  const octet::Evaluation after = octet::evaluate(in_int8.program, faces.test, prepare);
  const octet::McNemar flips = octet::mcnemar(before, after);
  std::printf("float32: %.1f %% right, %lld bytes of weights\n", 100 * before.accuracy().value,
              static_cast<long long>(in_float.weight_bytes()));
  std::printf("int8:    %.1f %% right, %lld bytes of weights\n", 100 * after.accuracy().value,
              static_cast<long long>(in_int8.program.weight_bytes()));
  std::printf(
      "answers that flipped from right to wrong: %lld, from wrong to right: %lld, McNemar's mid-p "
      "%.2f\n",
      static_cast<long long>(flips.right_to_wrong), static_cast<long long>(flips.wrong_to_right),
      flips.mid_p);
  const bool close = after.accuracy().value > before.accuracy().value - 0.02;
  return close && in_int8.report.float_layers().empty() ? 0 : 1;
}
