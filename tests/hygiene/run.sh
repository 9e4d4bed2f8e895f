#!/bin/sh
# ./run finds its checkout, also when it is called through a link from elsewhere, tells its usage,
# and takes the compiler that CXX names.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1" && exit 1; }

ln -s "$OCTET_SOURCE_DIR/run" "$work/link"
sh -x "$work/link" 2>&1 | grep -qx "+ root=$(readlink -f "$OCTET_SOURCE_DIR")" ||
  fail "expected the root of the checkout"

for arguments in --help -h "bench --help"; do
  # shellcheck disable=SC2086  # they are meant to be split
  sh "$work/link" $arguments >"$work/out" 2>"$work/err" || fail "$arguments is no error"
  grep -q '^usage: ' "$work/out" || fail "$arguments shows the usage"
done
if sh "$work/link" nonsense >"$work/out" 2>/dev/null; then fail "nonsense is an error"; fi
[ ! -s "$work/out" ] || fail "an error goes to stderr"

# A machine of one compiler, which is not named c++, has all headers and builds at once.
mkdir -p "$work/bin" "$work/build/release"
cp "$OCTET_SOURCE_DIR/run" "$work"
for tool in cat dirname id mkdir readlink; do ln -s "$(command -v $tool)" "$work/bin"; done
for tool in cmake ctest clang++ ninja pkg-config; do
  echo '#!/bin/sh' >"$work/bin/$tool"
  chmod +x "$work/bin/$tool"
done
sh=$(command -v sh)
CXX=clang++ PATH=$work/bin "$sh" "$work/run" test || fail "CXX is not looked at"
if CXX=none PATH=$work/bin "$sh" "$work/run" test 2>"$work/err"; then fail "CXX is not there"; fi
grep -q 'CXX.*none' "$work/err" || fail "expected to be told that CXX is not there"
