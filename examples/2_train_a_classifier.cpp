// Lesson 2: train a classifier of faces in forty lines.
//
// The pieces of a training are few. The data: here, faces drawn by Octet itself with seven
// expressions, so that nothing needs to be downloaded; fer2013.csv is read by read_fer2013() in
// their place. A pipeline says what happens to each picture on its way into the network: mirrored
// at random, shifted by up to 2 pixels, brought to mean 0 and deviation 1. A loader makes batches
// of them. The graph is the network. The optimizer takes a step for each batch, at the rate that
// the schedule gives. fit() puts it all together.
//
// The network is LeNet, the smallest of include/octet/models; the others take its place by their
// name.

#include <cstdio>

#include "octet/octet.hpp"

int main() {
  const octet::Splits faces = octet::synthetic_face_splits(3000, 500, 500);
  const octet::NormalizeOptions statistics = octet::channel_statistics(faces.train);
  const octet::Pipeline plain{octet::normalize(statistics)};
  const octet::Pipeline augmented{octet::random_flip(), octet::random_crop({.padding = 2}),
                                  octet::normalize(statistics)};
  octet::Loader loader(faces.train, augmented, {.batch = 64, .seed = 1});

  octet::Graph<float> net(/*seed=*/1);
  net.output(octet::lenet(net.input({48, 48, 1}), {.classes = 7}));
  std::printf("lenet: %lld parameters, %lld multiply-adds an image\n",
              static_cast<long long>(net.parameter_count()),
              static_cast<long long>(net.multiply_adds()));

  // The rate rises, falls, and dies away; Adam's beta1 goes the other way: "one cycle".
  const int epochs = 4;
  octet::Optimizer<float> optimizer = octet::adam<float>();
  octet::FitOptions<float> options;
  options.epochs = epochs;
  options.schedule = octet::one_cycle({.max_learning_rate = 4e-3,
                                       .total_steps = epochs * loader.steps(),
                                       .phases = octet::OneCyclePhases::three});
  options.validation = &faces.validation;
  options.validation_pipeline = plain;
  options.progress = stdout;
  octet::fit(net, loader, optimizer, options);

  // The test faces were never seen: neither for a gradient nor for a choice.
  const octet::Evaluation test = octet::evaluate(net, faces.test, plain);
  const octet::Proportion accuracy = test.accuracy();
  std::printf("test: %.1f %% right (95 %% interval %.1f to %.1f), %.1f %% among the best two\n",
              100 * accuracy.value, 100 * accuracy.low, 100 * accuracy.high,
              100 * test.accuracy(2).value);
  return accuracy.value > 0.5 ? 0 : 1;
}
