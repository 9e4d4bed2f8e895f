#!/bin/sh
# The kernels for 64-bit ARM, in an emulator: tests/kernels, which compare every row of every
# table with the scalar one, on processors with and without what NEON was given later.
set -eu
unset OCTET_ISA
compiler=aarch64-linux-gnu-g++
for tool in $compiler qemu-aarch64; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install g++-aarch64-linux-gnu qemu-user"
    exit 0
  fi
done
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
compiler="$compiler -std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror"
compiler="$compiler -I$OCTET_SOURCE_DIR/include -I$OCTET_SOURCE_DIR/tests -isystem include"

cat >isa.cpp <<'C'
#include "octet/core/cpu.hpp"
#include <cstdio>
int main() { std::puts(octet::to_text(octet::active_isa()).c_str()); }
C
$compiler -static isa.cpp -o isa
# chooses PROCESSOR CAP INSTRUCTION_SET
chooses() {
  chosen=$(OCTET_ISA=$2 qemu-aarch64 -cpu "$1" ./isa)
  [ "$chosen" = "$3" ] || { echo "$1 with OCTET_ISA=$2 chooses $chosen, not $3" >&2; exit 1; }
}
chooses max '' neon_i8mm
chooses cortex-a76 '' neon_dotprod
chooses cortex-a72 '' neon
chooses max neon_dotprod neon_dotprod
chooses cortex-a72 neon_i8mm neon
chooses max amx scalar
chooses max scalar scalar

# agrees PROCESSOR CASES
agrees() {
  qemu-aarch64 -cpu "$1" ./kernels --test-case="$2" >log || { cat log; exit 1; }
  echo "$1: $2: $(sed -n 's/.*assertions: *//p' log)"
}
objects=
for source in main core/cpu kernels/requantize_s8 kernels/elementwise_s8 kernels/pooling_s8 \
  kernels/depthwise_s8 kernels/elementwise kernels/pooling kernels/normalization \
  kernels/depthwise kernels/conv2d kernels/conv2d_s8; do
  object=$(basename $source).o
  $compiler -c "$OCTET_SOURCE_DIR/tests/$source.cpp" -o "$object"
  objects="$objects $object"
done
# shellcheck disable=SC2086  # a list of files
$compiler -static $objects -o kernels
agrees max '*'
# What differs between processors is what they multiply int8 with.
agrees cortex-a76 'conv2d_s8: every implementation*'
agrees cortex-a72 'conv2d_s8: every implementation*'
