#!/bin/sh
# The program in the README compiles, and runs: here with fewer faces and a single epoch.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

awk '/^```/ { inside = $0 == "```cpp"; next } inside' "$OCTET_SOURCE_DIR/README.md" >"$work/readme.cpp"
grep -q 'int main' "$work/readme.cpp"
sed -i 's/(3000, 500, 500)/(70, 14, 14)/; s/\.epochs = 4/.epochs = 1/' "$work/readme.cpp"
grep -q '(70, 14, 14)' "$work/readme.cpp"
"$CXX" -std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror -I"$OCTET_SOURCE_DIR/include" \
  "$work/readme.cpp" -o "$work/readme" -pthread
cd "$work"
./readme
[ -s faces.int8.safetensors ]

# What fer did not write has no names of classes: fer tells what it holds and times it, but does not
# judge it.
fer=$OCTET_BUILD_DIR/examples/fer
if [ -x "$fer" ]; then
  "$fer" info faces.int8.safetensors | grep -q "no word of its normalization"
  "$fer" bench faces.int8.safetensors | grep -q "^whole run"
  if "$fer" eval faces.int8.safetensors --data synthetic 2>err; then exit 1; fi
  grep -q "names of its classes" err
fi
