#!/bin/sh
# octet.hpp compiles within 600 MB of memory, and the measuring program does say no where a limit is
# exceeded. Seconds are for `./run bench compile_cost`: a busy machine would fail them here.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$CXX" -std=c++20 -DOCTET_SOURCE_DIR="\"$OCTET_SOURCE_DIR\"" \
  "$OCTET_SOURCE_DIR/bench/compile_cost.cpp" -o "$work/compile_cost"
"$work/compile_cost" --limit-mb 600
if "$work/compile_cost" --limit-mb 1 octet/infer.hpp 2>/dev/null; then
  echo "a limit of 1 MB was not noticed" >&2
  exit 1
fi
