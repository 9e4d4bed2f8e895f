#!/bin/sh
# The kernels as WebAssembly, with its SIMD, in node: tests/kernels, which compare every row of
# every table with the scalar one.
set -eu
unset OCTET_ISA
for tool in clang++ wasm-ld node; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install clang lld nodejs"
    exit 0
  fi
done
compiler="clang++ --target=wasm32-wasi -fno-exceptions"
if ! echo '#include <vector>' | $compiler -x c++ -fsyntax-only - 2>/dev/null ||
  ! echo 'int main() {}' | $compiler -x c++ -o /dev/null - 2>/dev/null; then
  echo "skipped: clang++ has no libraries for WebAssembly; apt-get install wasi-libc" \
    "libc++-14-dev-wasm32 libc++abi-14-dev-wasm32 libclang-rt-14-dev-wasm32"
  exit 0
fi
# doctest is one header, the same for every machine; a cross compiler does not look where it lies.
doctest=$(echo '#include <doctest/doctest.h>' | "$CXX" -x c++ -M - | tr ' ' '\n' |
  sed -n 's,/doctest/doctest\.h$,,p')
if ! [ -d "$doctest/doctest" ]; then
  echo "skipped: doctest is not where $CXX looks by itself"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir include
ln -s "$doctest/doctest" include/doctest
if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
flags="-std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror -isystem include"
flags="$flags -I$OCTET_SOURCE_DIR/include -I$OCTET_SOURCE_DIR/tests"
flags="$flags -D_WASI_EMULATED_SIGNAL -DDOCTEST_CONFIG_NO_POSIX_SIGNALS"
flags="$flags -DDOCTEST_CONFIG_NO_MULTITHREADING -DDOCTEST_CONFIG_NO_EXCEPTIONS_BUT_WITH_ALL_ASSERTS"

cat >run.mjs <<'JS'
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
const [file] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [file] });
const module = new WebAssembly.Module(readFileSync(file));
process.exit(wasi.start(new WebAssembly.Instance(module, wasi.getImportObject())));
JS
# Debian's libraries lack what the end of a thread would call; here no thread ends.
echo 'extern "C" int __cxa_thread_atexit(void (*)(void*), void*, void*) { return 0; }' >end.cpp
# shellcheck disable=SC2086  # flags are meant to be split
$compiler -c end.cpp -o end.o
$compiler $flags -c "$OCTET_SOURCE_DIR/tests/main.cpp" -o main.o

# agrees FLAGS TEST...
agrees() {
  simd=$1
  shift
  objects=
  for test in "$@"; do
    $compiler $flags $simd -c "$OCTET_SOURCE_DIR/tests/kernels/$test.cpp" -o "$test.o"
    objects="$objects $test.o"
  done
  # shellcheck disable=SC2086  # a list of files
  $compiler main.o end.o $objects -lwasi-emulated-signal -Wl,-z,stack-size=1048576 -o kernels.wasm
  node --no-warnings run.mjs kernels.wasm >log || { cat log; exit 1; }
  echo "WebAssembly $simd: agrees: $(sed -n 's/.*assertions: *//p' log)"
}
agrees '' conv2d_s8
agrees -msimd128 requantize_s8 elementwise_s8 pooling_s8 depthwise_s8 conv2d_s8 elementwise \
  pooling normalization depthwise conv2d
