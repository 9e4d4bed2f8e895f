#!/bin/sh
# Octet as a subdirectory of another CMake project.
set -eu
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
command -v cmake >/dev/null || { echo "skipped: there is no cmake"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$OCTET_SOURCE_DIR/tests/packaging/consumer" -B "$work" \
  -DCMAKE_CXX_COMPILER="$CXX" -DOCTET_SUBDIRECTORY="$OCTET_SOURCE_DIR"
cmake --build "$work"
test "$("$work/consumer")" = "[2, 3]"

# That consumer is spared the warnings of Octet's headers; Octet's own programs are not.
cmake -S "$OCTET_SOURCE_DIR" -B "$work/own" -DCMAKE_CXX_COMPILER="$CXX"
grep -q -e "-I$OCTET_SOURCE_DIR/include " "$work/own/compile_commands.json"
