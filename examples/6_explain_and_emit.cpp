// Lesson 6: One number of an int8 network, by hand; then all of them in firmware.
//
// An int8 network computes with integers that stand for real numbers: real = s * (q - z). So a
// convolution's real sum of x * w is s_x * s_w times a sum of (q_x - z_x) * q_w, for weights have
// zero point 0. Multiplied out, that is
//
//     accumulator = sum of q_x * q_w  -  z_x * sum of q_w  +  bias
//
// where the second term depends on the weights alone, and the bias is counted in units of
// s_x * s_w. All three are exact in 32 bits: until here nothing is lost but what the inputs and the
// weights lost when they became int8. The output has a scale of its own, so the accumulator is
// multiplied by m = s_x * s_w / s_y in float32, rounded to the nearest integer (of two, the even
// one), moved by z_y, and cut to [-128, 127]. A ReLU costs nothing: it is a cut at z_y.
//
// explain() does this for one number of one layer, with the numbers that the network has for your
// image, and compares with what the kernel wrote, bit by bit. Where int8 surprises you, start here:
// a clamp that cuts says that the range is too small, an output whose step is large says that it is
// too wide.
//
// Because this arithmetic is so little, it needs no library. emit() writes a program as one C++17
// header: weights in read-only memory, a static arena, the normalization of pixels as a table of
// 256 numbers, and a self_test() that a device runs after it starts. The same bits come out on a
// server and on a microcontroller.

#include <cstdio>

#include "octet/octet.hpp"

int main() {
  // Fresh weights do: the arithmetic does not care what they are.
  octet::Graph<float> net(/*seed=*/1);
  auto x = net.input({48, 48, 1});
  x = relu(conv2d(x, 8, {.kernel = 3, .stride = 2, .padding = 1}));
  x = relu(conv2d(x, 16, {.kernel = 3, .stride = 2, .padding = 1}));
  net.output(linear(flatten(max_pool(x, {.kernel = 2})), 7));

  const octet::ImageDataset faces = octet::synthetic_faces({.count = 64});
  const octet::NormalizeOptions statistics = octet::channel_statistics(faces);
  const octet::Pipeline prepare{octet::normalize(statistics)};
  octet::Loader loader(faces, prepare, {.batch = 64, .order = octet::Order::sequential});
  octet::Batch batch;
  loader.next(batch);
  const octet::Program program = octet::quantize(net, batch.images).program;

  // A number in the corner of a face, where padding is in the sum; then, from the middle on, the
  // first that ReLU does not cut.
  const octet::Tensor<float> face = prepare(faces.image(0));
  const octet::Explanation corner = octet::explain(program, "conv2d_2", 5, face);
  std::int64_t element = (6 * 12 + 6) * 16;
  while (octet::explain(program, "conv2d_2", element, face).result == -128) ++element;
  const octet::Explanation middle = octet::explain(program, "conv2d_2", element, face);
  std::printf("%s\n%s\n", corner.text.c_str(), middle.text.c_str());
  bool derived = middle.product == static_cast<float>(middle.accumulator) * middle.multiplier;
  for (const octet::Explanation& e : {corner, middle})
    derived = derived && e.products + e.zero_point_term + e.bias == e.accumulator;

  // For firmware. `#include "face.hpp"` and face::predict(pixels, probabilities) is all it takes.
  octet::EmitOptions options;
  options.name_space = "face";
  options.title = "An untrained face network";
  options.mean = statistics.mean;
  options.deviation = statistics.deviation;
  options.class_names = faces.class_names;
  const octet::EmittedHeader header = octet::emit(program, "face.hpp", options);
  std::printf("face.hpp: %zu bytes of text, %lld bytes of constants, %lld bytes of memory\n",
              header.text.size(), static_cast<long long>(header.flash_bytes),
              static_cast<long long>(header.ram_bytes));
  std::printf("%s...\n", header.text.substr(0, header.text.find("#pragma once")).c_str());
  const bool fits = header.flash_bytes < 32 << 10 && header.ram_bytes < 16 << 10;
  return derived && fits ? 0 : 1;
}
