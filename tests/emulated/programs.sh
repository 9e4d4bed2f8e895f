#!/bin/sh
# int8 programs on 64-bit ARM and as WebAssembly, in emulators: every instruction set gives the bits
# of the scalar run of the machine on which the programs were made.
set -eu
unset OCTET_ISA
arm=aarch64-linux-gnu-g++
wasm="clang++ --target=wasm32-wasi -fno-exceptions -D_WASI_EMULATED_GETPID"
has() { command -v "$1" >/dev/null; }
with_arm=no with_wasm=no
if has $arm && has qemu-aarch64; then
  with_arm=yes
else
  echo "skipped in part: no emulator of ARM; apt-get install g++-aarch64-linux-gnu qemu-user"
fi
if has clang++ && has node && echo '#include <vector>
  int main() {}' | $wasm -x c++ -o /dev/null - 2>/dev/null; then
  with_wasm=yes
else
  echo "skipped in part: no WebAssembly; apt-get install clang lld nodejs wasi-libc" \
    "libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 libclang-rt-14-dev-wasm32"
fi
if [ $with_arm$with_wasm = nono ]; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

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
  return runs >= 4 ? 0 : 1;
}
C
cat >run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
const wasi = new WASI({ version: "preview1", args: ["check"], preopens: { ".": "." } });
const module = new WebAssembly.Module(readFileSync("check.wasm"));
process.exit(wasi.start(new WebAssembly.Instance(module, wasi.getImportObject())));
JS
# Debian's libraries lack what the end of a thread would call; here no thread ends.
echo 'extern "C" int __cxa_thread_atexit(void (*)(void*), void*, void*) { return 0; }' >end.cpp

if has ccache; then arm="ccache $arm" wasm="ccache $wasm"; fi
flags="-std=c++20 -Wall -Wextra -Wpedantic -Werror"
flags="$flags -I$OCTET_SOURCE_DIR/include"
# A test that runs only here: this machine's programs, and what they compute.
"$OCTET_BUILD_DIR/tests/test_networks" --no-skip --test-case='int8 programs for other machines'
# shellcheck disable=SC2086  # flags are meant to be split
if [ $with_arm = yes ]; then
  $arm $flags -O1 -c check.cpp -o check.o
  $arm -static check.o -o check
  qemu-aarch64 -cpu max ./check
  qemu-aarch64 -cpu cortex-a72 ./check
fi
# shellcheck disable=SC2086
if [ $with_wasm = yes ]; then
  $wasm -c end.cpp -o end.o
  $wasm $flags -msimd128 -O1 -c check.cpp -o check.o
  $wasm check.o end.o -lwasi-emulated-getpid -Wl,-z,stack-size=1048576 -o check.wasm
  node --no-warnings run.mjs
fi
