#!/bin/sh
# Emitted headers on this machine: every compiler that is there, every level, the instruction sets
# that the processor has. The bits are those of the program's scalar run.
set -eu
. "$OCTET_SOURCE_DIR/tests/emit/freestanding/headers.sh"
echo 'extern "C" int check(); int main() { return check(); }' >main.cpp

# agrees COMPILER FLAGS UNIT: compiles as firmware would, then runs.
agrees() {
  # shellcheck disable=SC2086  # flags are meant to be split
  "$1" $strict $2 -c "$3.cpp" -o unit.o
  "$1" main.cpp unit.o -o program
  status=0
  ./program || status=$?
  [ "$status" -eq 0 ] || { echo "$1 $2 $3.cpp: check $status is wrong" >&2; exit 1; }
  if nm -u unit.o | grep -vwE 'memcpy|memset|memmove|_GLOBAL_OFFSET_TABLE_'; then
    echo "$1 $2 $3.cpp: wants more than a freestanding compiler has" >&2
    exit 1
  fi
  echo "$1 $2: $3.cpp agrees"
}
has() { grep -qw "$1" /proc/cpuinfo 2>/dev/null; }

compilers=
for compiler in g++ clang++; do
  if command -v $compiler >/dev/null; then compilers="$compilers $compiler"; fi
done
for compiler in ${compilers:-$CXX}; do
  for level in -O0 -O2 '-O3 -march=native'; do agrees "$compiler" "$level" zoo; done
  agrees "$compiler" -O1 operations
done
if has avx2; then agrees "$CXX" '-O1 -mavx2' zoo && nm unit.o | grep -q avx2; fi
if has avx_vnni; then agrees "$CXX" '-O1 -mavx2 -mavxvnni' zoo && nm unit.o | grep -q avx_vnni; fi
if has avx512_vnni; then
  agrees "$CXX" '-O1 -mavx512f -mavx512bw -mavx512vnni' zoo && nm unit.o | grep -q avx512_vnni
fi

# Any wrong byte of any constant is noticed.
{
  cat <<'C'
#include <cstdio>
#include <sys/mman.h>

#include "shallow_cnn.hpp"

// Breaks one byte of a constant, tests, and mends it.
static bool noticed(const void* constant, std::size_t byte) {
  unsigned char* const place = static_cast<unsigned char*>(const_cast<void*>(constant)) + byte;
  const auto address = reinterpret_cast<std::uintptr_t>(place) & ~std::uintptr_t{4095};
  if (mprotect(reinterpret_cast<void*>(address), 4096, PROT_READ | PROT_WRITE) != 0) return false;
  volatile unsigned char* const changed = place;
  *changed = static_cast<unsigned char>(*changed ^ 1);
  const bool result = !shallow_cnn::self_test();
  *changed = static_cast<unsigned char>(*changed ^ 1);
  return result && shallow_cnn::self_test();
}

int main() {
  using namespace shallow_cnn::constants;
C
  sed -n 's/^inline constexpr [a-z0-9_:]* \([a-z_0-9]*\)\[.*\] = {$/\1/p' shallow_cnn.hpp |
    grep -vE '^(golden_pixels|class_names)$' |
    sed 's/.*/  if (!noticed(&, 0) || !noticed(&, 3)) return std::puts("&"), 1;/'
  echo '  return 0;'
  echo '}'
} >broken.cpp
[ "$(grep -c weight_ broken.cpp)" -ge 6 ]
"$CXX" -std=c++17 -O2 broken.cpp -o broken
./broken

# The header's own exp is as exact as it says.
cat >exponential.cpp <<'C'
#include <cmath>
#include <cstdio>

#include "shallow_cnn.hpp"

int main() {
  double worst = 0;
  for (float x = -87; x < 88.72f; x += std::fabs(x) * 1.7e-5f + 1.3e-6f)
    worst = std::fmax(worst, std::fabs(shallow_cnn::kernels::exponential(x) / std::exp(double{x}) - 1));
  std::printf("exponential: relative error of at most %g\n", worst);
  return worst > 1e-9 && worst < 1.5e-7 && shallow_cnn::kernels::exponential(-88) == 0 ? 0 : 1;
}
C
"$CXX" -std=c++17 -O2 exponential.cpp -o exponential
./exponential

# Two units with different instructions in one program.
cat >other.cpp <<'C'
#include "shallow_cnn.hpp"
bool other_self_test() { return shallow_cnn::self_test(); }
C
cat >both.cpp <<'C'
#include "shallow_cnn.hpp"
bool other_self_test();
int main() { return shallow_cnn::self_test() && other_self_test() ? 0 : 1; }
C
"$CXX" -std=c++17 -O1 -march=native both.cpp -c -o both.o
"$CXX" -std=c++17 -O1 other.cpp both.o -o both
./both

# Without IEEE arithmetic the bits would be others: that is said, not done. Not every compiler has a
# macro for -freciprocal-math.
refuses() {
  if "$CXX" -std=c++17 "$1" -c other.cpp -o other.o 2>message; then
    echo "$1 was not refused" >&2
    exit 1
  fi
  grep -q 'float must be IEEE float32' message
}
refuses -Ofast
if "$CXX" -freciprocal-math -dM -E -x c++ /dev/null | grep -q __RECIPROCAL_MATH__; then
  refuses -freciprocal-math
fi
