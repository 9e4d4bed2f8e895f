#!/bin/sh
# int8 programs on 64-bit ARM, in an emulator: every instruction set gives the bits of the scalar
# run of the machine on which the programs were made.
set -eu
unset OCTET_ISA
compiler=aarch64-linux-gnu-g++
for tool in $compiler qemu-aarch64; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install g++-aarch64-linux-gnu qemu-user"
    exit 0
  fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >make.cpp <<'C'
#include "octet/program/file.hpp"
#include "octet/program/quantize.hpp"
#include "program/networks.hpp"

int main() {
  using namespace octet;
  int number = 0;
  for (const networks::Network& network : networks::all()) {
    const QuantizedProgram quantized =
        quantize(networks::make(network), networks::images(network.input, 16));
    // What stays float32 is not bound to any bits.
    if (!quantized.report.float_layers().empty()) continue;
    const Tensor<float> x = networks::images(network.input, 5);
    const Tensor<float> y = Program(quantized.program.description(), {.isa = Isa::scalar})(x);
    SafetensorsWriter file;
    file.add("x", "F32", x.shape(), x.data());
    file.add("y", "F32", y.shape(), y.data());
    file.write(text_of("expected", number, ".safetensors"));
    save_program(quantized.program, text_of("program", number++, ".safetensors"));
  }
  return number >= 4 ? 0 : 1;
}
C
cat >check.cpp <<'C'
#include <cstdio>
#include <cstring>

#include "octet/infer.hpp"

int main() {
  using namespace octet;
  int runs = 0;
  for (int number = 0;; ++number) {
    const std::string name = text_of("expected", number, ".safetensors");
    if (std::FILE* const there = std::fopen(name.c_str(), "r"))
      std::fclose(there);
    else
      break;
    const Safetensors file = Safetensors::read(name, ChecksumRule::required);
    const auto tensor = [&](const char* key) {
      const SafetensorsEntry* const entry = file.find(key);
      Tensor<float> values(entry->shape);
      std::memcpy(values.data(), entry->data.data(), entry->data.size());
      return values;
    };
    const Tensor<float> x = tensor("x"), y = tensor("y");
    for (std::size_t i = 0; i < isa_names.size(); ++i) {
      const auto isa = static_cast<Isa>(i);
      if (!cpu_supports(isa)) continue;
      const Program program =
          load_program(text_of("program", number, ".safetensors"), {.isa = isa}).program;
      const Tensor<float> got = program(x);
      ++runs;
      if (got.shape() != y.shape() ||
          std::memcmp(got.data(), y.data(), sizeof(float) * static_cast<std::size_t>(y.elements())))
        return std::printf("program %d with %s: other bits\n", number, to_text(isa).c_str()), 1;
      bool fast = false;
      for (const OperationInfo& info : program.operations())
        if (info.kernel.find(to_text(isa)) != std::string::npos) fast = true;
      if (!fast) return std::printf("program %d: no kernel of %s\n", number, to_text(isa).c_str()), 1;
    }
  }
  std::printf("%d runs agree\n", runs);
  return runs >= 4 * 2 ? 0 : 1;
}
C
if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
flags="-std=c++20 -Wall -Wextra -Wpedantic -Werror"
flags="$flags -I$OCTET_SOURCE_DIR/include -I$OCTET_SOURCE_DIR/tests"
# shellcheck disable=SC2086  # flags are meant to be split
{
  "$CXX" $flags -O0 make.cpp -pthread -o make
  $compiler $flags -O1 -static check.cpp -o check
}
./make
qemu-aarch64 -cpu max ./check
qemu-aarch64 -cpu cortex-a72 ./check
