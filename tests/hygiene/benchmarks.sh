#!/bin/sh
# The benchmarks compile: they are built on request only, and must not rot in between.
set -eu
compiler="$CXX -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror"
compiler="$compiler -I$OCTET_SOURCE_DIR/include -I/usr/include/eigen3 -DOCTET_SOURCE_DIR=\"\""
if ! echo '#include <benchmark/benchmark.h>' | $compiler -x c++ - 2>/dev/null; then
  echo "skipped: Google Benchmark is not there; apt-get install libbenchmark-dev"
  exit 0
fi
cd "$OCTET_SOURCE_DIR/bench"
find . -name '*.cpp' | LC_ALL=C sort | xargs -P 2 -n 1 $compiler
echo "$(find . -name '*.cpp' | wc -l) sources compile"
