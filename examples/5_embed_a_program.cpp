// Lesson 5: a Program inside of your own.
//
// Whoever trains needs all of Octet; whoever only predicts needs octet/infer.hpp. It has no
// training in it, no streams, and compiles with -fno-exceptions and -fno-rtti. What it loads is a
// Program: a list of kernel calls that never changes, so that any number of threads may share it,
// each with a Workspace of its own. run() allocates nothing and cannot fail, which makes it fit for
// a loop that must not wait.
//
// A file from elsewhere is not to be trusted. load_program() checks every size, index and scale in
// it before use, and a checksum over all of it: a damaged file gives a sentence, never a crash.
// Without exceptions, that sentence goes to octet::error_handler().

#include <cstdio>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "octet/infer.hpp"

// Only this lesson's own part, which writes the model to be loaded, needs more than infer.hpp.
#include "octet/octet.hpp"

namespace {

/// Stands for the model that you would have trained.
void write_model(const std::string& path) {
  octet::Graph<float> net(/*seed=*/1);
  net.output(octet::lenet(net.input({48, 48, 1}), {.classes = 7}));
  const octet::ImageDataset faces = octet::synthetic_faces({.count = 64});
  octet::Loader loader(faces, {}, {.batch = 64, .order = octet::Order::sequential});
  octet::Batch batch;
  loader.next(batch);
  octet::save_program(octet::quantize(net, batch.images).program, path);
}

}  // namespace

int main() {
  const std::string path = "embed_a_program.safetensors";
  write_model(path);

  // No copy of the weights is kept, which only saving the program again would need.
  const octet::LoadedProgram model = octet::load_program(path);
  const octet::Program& program = model.program;
  std::printf("%s runs on %s, with %lld bytes of weights and %lld bytes of working memory\n",
              path.c_str(), octet::to_text(program.isa()).c_str(),
              static_cast<long long>(program.weight_bytes()),
              static_cast<long long>(program.arena_bytes()));

  // Two threads, one program. Each has its memory before its loop begins.
  const octet::Tensor<float> image({1, 48, 48, 1}, 0.5f);
  std::vector<octet::Tensor<float>> logits(
      2, octet::Tensor<float>(program.output_shape().with_batch(1)));
  std::vector<std::thread> threads;
  for (octet::Tensor<float>& mine : logits)
    threads.emplace_back([&program, &image, &mine] {
      octet::Workspace workspace(program, {.batch = 1});
      const octet::TensorView<const float> input = image;
      const octet::TensorView<float> output = mine;
      for (int frame = 0; frame < 100; ++frame)
        program.run(std::span(&input, 1), std::span(&output, 1), workspace);
    });
  for (std::thread& thread : threads) thread.join();
  std::remove(path.c_str());

  // int8 arithmetic is exact: the same bits for every thread, every run and every processor.
  std::printf("logits:");
  for (const float logit : logits[0]) std::printf(" %.3f", static_cast<double>(logit));
  std::printf("\nboth threads agree: %s\n", logits[0] == logits[1] ? "yes" : "no");
  return logits[0] == logits[1] ? 0 : 1;
}
