// What an embedder's program does first: load a program from a file, predict once. Tells the memory
// that it took: first_prediction FILE
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "octet/infer.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const octet::Program program = octet::load_program(argv[1]).program;
  const octet::Tensor<float> image(program.input_shape().with_batch(1));
  const octet::Tensor<float> logits = program(image);
  double kilobytes = 0;
  if (std::FILE* const status = std::fopen("/proc/self/status", "r")) {
    for (char line[256]; std::fgets(line, sizeof line, status);)
      if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::atof(line + 6);
    std::fclose(status);
  }
  std::printf("%g MB resident, first logit %g\n", kilobytes / 1024,
              static_cast<double>(logits.data()[0]));
}
