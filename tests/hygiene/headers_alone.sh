#!/bin/sh
# Every header compiles alone: whoever includes only one needs no other. Third parties stay out.
set -eu
cd "$OCTET_SOURCE_DIR/include"

alone() {
  printf '#include "%s"\n' "$1" |
    "$CXX" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I. -x c++ -
}

# A header that leans on its includer must not pass.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'inline std::vector<int> none();' >"$work/leaning.hpp"
if alone "$work/leaning.hpp" 2>/dev/null; then
  echo "a header without its own includes was not noticed" >&2
  exit 1
fi

# Two at a time, by two walkers that take every other header.
walk() {
  failed=0
  find octet -name '*.hpp' ! -path 'octet/interop/*' | LC_ALL=C sort |
    awk -v turn="$1" 'NR % 2 == turn' >"$work/list$1"
  while read -r header; do
    alone "$header" || { echo "does not compile alone: $header" >&2; failed=1; }
  done <"$work/list$1"
  return $failed
}
walk 0 &
first=$!
failed=0
walk 1 || failed=1
wait $first || failed=1
exit $failed
