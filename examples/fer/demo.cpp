// fer demo: the whole road on faces that are drawn here, in about two minutes.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "data.hpp"
#include "model.hpp"
#include "output.hpp"

namespace fer {

using namespace octet;

namespace {

/// A gray picture in characters, two pixels high and one wide each.
void print_face(ImageView face) {
  constexpr char shades[] = " .:-=+*#%@";
  for (std::int64_t y = 0; y + 1 < face.H; y += 2) {
    std::printf("    ");
    for (std::int64_t x = 0; x < face.W; ++x)
      std::putchar(shades[(face.at(y, x) + face.at(y + 1, x)) * 10 / 511]);
    std::printf("\n");
  }
}

}  // namespace

int demo(const DemoOptions& options) {
  const TrainOptions training{.data = {.path = "synthetic"},
                              .model = "shallow_cnn",
                              .width = 0.25,
                              .epochs = 4,
                              .batch = 64,
                              .max_learning_rate = 0.004,
                              .out = options.out,
                              .seed = options.seed,
                              .threads = options.threads,
                              .overwrite = is_of_demo(options.out),
                              .command = TrainedBy::demo};
  const TrainingFolder folder(training);
  std::printf("1. Train a small network on synthetic faces.\n");
  if (const int code = train(training); code != 0) return code;

  std::printf("\n2. Quantize it to int8 and compare.\n");
  const std::string program = options.out + "/int8.safetensors";
  const QuantizeOptions quantization{.model = options.out + "/model.safetensors",
                                     .data = {.path = "synthetic"},
                                     .out = program,
                                     .threads = options.threads,
                                     .seed = options.seed};
  if (const int code = quantize(quantization); code != 0) return code;

  std::printf("\n3. Look at what the int8 program says of faces that it has never seen.\n");
  const Model model = load_model(program);
  const ImageDataset faces = read_splits({.path = "synthetic"}).test;
  for (const std::int64_t number : {3, 5, 0}) {
    Tensor<float> image = model.pipeline()(faces.image(number));
    const Tensor<float> logits = model.program({image.data(), image.shape().with_batch(1)});
    const auto said =
        static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    const auto truth = static_cast<std::size_t>(faces.labels[static_cast<std::size_t>(number)]);
    std::printf("\n  drawn as %s, taken for %s\n", faces.class_names[truth].c_str(),
                faces.class_names[said].c_str());
    print_face(faces.image(number));
  }
  std::printf(
      "\nThe models lie in %s. Next, each layer of the int8 program, and its time:\n"
      "  fer info %s\n"
      "  fer bench %s\n"
      "and the same with real faces, from Kaggle's fer2013.csv (in a checkout, fer is ./run fer):\n"
      "  fer train --data fer2013.csv --out trained\n",
      options.out.c_str(), program.c_str(), program.c_str());
  return 0;
}

}  // namespace fer
