#!/bin/sh
# Every lesson is a test: its number follows on the one before, and this build runs it.
set -eu
cd "$OCTET_SOURCE_DIR"

entries() {
  if [ -e "$OCTET_BUILD_DIR/CTestTestfile.cmake" ]; then
    ctest --test-dir "$OCTET_BUILD_DIR" -N | sed -n 's/^ *Test *#[0-9]*: //p'
  else
    meson introspect --tests "$OCTET_BUILD_DIR" | tr ',' '\n' | sed -n 's/.*"name": "\([^"]*\)".*/\1/p'
  fi
}
found=$(entries)

number=0
for lesson in examples/*.cpp; do
  name=$(basename "$lesson" .cpp)
  number=$((number + 1))
  case $name in
    "${number}_"*) ;;
    *) echo "expected lesson $number, found $lesson" >&2; exit 1 ;;
  esac
  echo "$found" | grep -qx "examples/$name" || { echo "no test runs $lesson" >&2; exit 1; }
done
test $number -ge 5
