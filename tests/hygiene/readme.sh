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
