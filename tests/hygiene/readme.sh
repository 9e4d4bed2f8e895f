#!/bin/sh
# The program in the README compiles.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk '/^```/ { inside = $0 == "```cpp"; next } inside' "$OCTET_SOURCE_DIR/README.md" >"$work/readme.cpp"
grep -q 'int main' "$work/readme.cpp"
"$CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$OCTET_SOURCE_DIR/include" \
  "$work/readme.cpp"
