#!/bin/sh
# Two translation units, hostile macros, any order of includes, any order of linking.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The standard headers come first: some of them do not bear such macros themselves.
{
  grep -rhoE '^ *# *include <[a-z_]+>' "$OCTET_SOURCE_DIR/include/octet" --include='*.hpp' \
    --exclude-dir=interop | sort -u
  cat <<'C'
#define min(a, b) hostile(min, a, b)
#define max(a, b) hostile(max, a, b)
#define near hostile near
#define far hostile far
#define small hostile small
#define I hostile I
#define ERROR hostile ERROR
C
} >hostile.hpp
grep -q '<vector>' hostile.hpp

# The macros do hurt a header that is careless.
echo 'inline int least(int a, int b) { return std::min(a, b); }' >careless.hpp
if printf '#include "hostile.hpp"\n#include "careless.hpp"\n' |
  "$CXX" -std=c++20 -fsyntax-only -I. -x c++ - 2>/dev/null; then
  echo "the macros are not hostile" >&2
  exit 1
fi

cat >a.cpp <<'C'
#include "hostile.hpp"
#include "octet/infer.hpp"
#include "octet/octet.hpp"
int a() { return octet::Shape{2, 3}.rank(); }
C
{
  echo '#include "hostile.hpp"'
  (cd "$OCTET_SOURCE_DIR/include" && find octet -name '*.hpp' ! -path 'octet/interop/*') |
    LC_ALL=C sort -r | sed 's/.*/#include "&"/'
  cat <<'C'
int a();
int main() { return a() == octet::Shape{4, 5}.rank() ? 0 : 1; }
C
} >b.cpp

for unit in a b; do
  "$CXX" -std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I. -I"$OCTET_SOURCE_DIR/include" \
    -c $unit.cpp -o $unit.o
done
"$CXX" a.o b.o -pthread -o ab && ./ab
"$CXX" b.o a.o -pthread -o ba && ./ba
