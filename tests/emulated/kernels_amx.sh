#!/bin/sh
# The kernels for AMX on processors that end where AMX begins: amx.hpp does what its instructions
# say. A processor that has AMX runs them itself.
set -eu
unset OCTET_ISA
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
compiler="$CXX -std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror"
if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
compiler="$compiler -include $OCTET_SOURCE_DIR/tests/emulated/amx.hpp"
compiler="$compiler -DDOCTEST_CONFIG_NO_POSIX_SIGNALS"  # else doctest takes SIGILL for the end
compiler="$compiler -I$OCTET_SOURCE_DIR/include -I$OCTET_SOURCE_DIR/tests"

if ! echo '#include <doctest/doctest.h>' | $CXX -std=c++20 -x c++ -fsyntax-only - 2>/dev/null; then
  echo "skipped: doctest is not where $CXX looks by itself"
  exit 0
fi
cat >isa.cpp <<'C'
#include "octet/core/cpu.hpp"
#include <cstdio>
int main() { std::puts(octet::to_text(octet::active_isa()).c_str()); }
C
if [ "$(uname -sm)" != "Linux x86_64" ] || ! $compiler isa.cpp -o isa || [ "$(./isa)" != amx ]; then
  echo "skipped: this takes Linux on a processor with AVX-512 BF16"
  exit 0
fi

objects=
for source in main core/cpu kernels/conv2d_s8 kernels/conv2d_bf16; do
  object=$(basename $source).o
  $compiler -c "$OCTET_SOURCE_DIR/tests/$source.cpp" -o "$object"
  objects="$objects $object"
done
# shellcheck disable=SC2086  # a list of files
$compiler $objects -o kernels
./kernels >log || { cat log; exit 1; }
echo "kernels agree: $(sed -n 's/.*assertions: *//p' log)"
