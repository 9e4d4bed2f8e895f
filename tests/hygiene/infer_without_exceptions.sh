#!/bin/sh
# infer.hpp serves where exceptions and RTTI are switched off, next to a unit that has them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >embedded.cpp <<'C'
#include "octet/infer.hpp"
#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error exceptions or RTTI are on
#endif
int embedded() { return octet::Shape{2, 3}.rank(); }
C
cat >main.cpp <<'C'
#include "octet/infer.hpp"
int embedded();
int main() {
  try {
    octet::fail("told");
  } catch (const octet::Error&) {
    return embedded() == 2 ? 0 : 1;
  }
}
C
flags="-std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I$OCTET_SOURCE_DIR/include"
"$CXX" $flags -fno-exceptions -fno-rtti -c embedded.cpp
"$CXX" $flags -c main.cpp
"$CXX" main.o embedded.o -pthread -o program
./program
