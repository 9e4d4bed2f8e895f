#!/bin/sh
# infer.hpp loads and runs a model where exceptions and RTTI are switched off, in the words of the
# README, next to a unit that has them; a mistake ends in the handler that the program has set.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

{
  cat <<'C'
#include <octet/infer.hpp>
#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error exceptions or RTTI are on
#endif
#include <cstdio>
#include <cstdlib>
float first_logit() {
  octet::error_handler() = [](const char* sentence) {
    std::puts(sentence);
    std::exit(3);
  };
C
  awk '/^    #include <octet\/infer.hpp>/ { inside = 1; next } /^`/ { inside = 0 }
       inside && /^    / { sub(/^ */, ""); print }' "$OCTET_SOURCE_DIR/README.md"
  echo '  return logits.data()[0];'
  echo '}'
} >embedded.cpp
grep -q 'octet::load_program("faces.int8.safetensors")' embedded.cpp
cat >main.cpp <<'C'
#include <octet/octet.hpp>
float first_logit();
int main(int argc, char**) {
  octet::Graph<float> net(1);
  auto x = net.input({48, 48, 1});
  net.output(linear(flatten(max_pool(x, {.kernel = 24})), 7));
  if (argc == 1) octet::save_program(octet::compile(net), "faces.int8.safetensors");
  try {
    octet::fail("told");
  } catch (const octet::Error&) {
    return first_logit() == 0 ? 0 : 1;
  }
}
C
flags="-std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I$OCTET_SOURCE_DIR/include"
"$CXX" $flags -fno-exceptions -fno-rtti -c embedded.cpp
"$CXX" $flags -c main.cpp
"$CXX" main.o embedded.o -pthread -o program
./program
rm faces.int8.safetensors
code=0
./program without >told || code=$?
[ $code -eq 3 ]
grep -q 'faces.int8.safetensors: cannot be read' told

# Without IEEE arithmetic the bits of int8 would be others: that is said, not done.
if "$CXX" $flags -Ofast -fsyntax-only main.cpp 2>message; then
  echo "-Ofast was not refused" >&2
  exit 1
fi
grep -q 'Octet needs IEEE float32: compile without -ffast-math' message
