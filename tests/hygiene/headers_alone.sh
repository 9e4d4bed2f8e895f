#!/bin/sh
# Every header compiles alone: whoever includes only one needs no other. Third parties stay out.
# This starts a compiler for each header, so it takes the quickest one that is there, all cores, and
# ccache, which remembers the headers that have not changed since the last time.
set -eu
compiler=$(command -v clang++ || echo "$CXX")
if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
export compiler

# The sources keep their names from run to run, because ccache knows them by these.
folder="$OCTET_BUILD_DIR/headers_alone"
mkdir -p "$folder"
cd "$folder"

cat >alone.sh <<'C'
name=$(echo "$1" | tr / _)
echo "#include \"$1\"" >"$name.cpp"
$compiler -std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I. -I"$OCTET_SOURCE_DIR/include" \
  -c "$name.cpp" -o "$name.o" && exit
echo "does not compile alone: $1" >&2
exit 1
C

# A header that leans on its includer must not pass.
echo 'inline std::vector<int> none();' >leaning.hpp
if sh alone.sh leaning.hpp 2>leaning.txt; then
  echo "a header without its own includes was not noticed" >&2
  exit 1
fi
grep -q 'does not compile alone: leaning.hpp' leaning.txt

(cd "$OCTET_SOURCE_DIR/include" && find octet -name '*.hpp' ! -path 'octet/interop/*') |
  xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 sh alone.sh
