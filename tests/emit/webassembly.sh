#!/bin/sh
# Emitted headers as WebAssembly, with and without its SIMD, in node.
set -eu
for tool in clang++ wasm-ld node; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install clang lld nodejs"
    exit 0
  fi
done
. "$OCTET_SOURCE_DIR/tests/emit/freestanding/headers.sh"
around=$OCTET_SOURCE_DIR/tests/emit/freestanding
target=--target=wasm32-unknown-unknown
cat >run.js <<'JS'
const bytes = require("fs").readFileSync("program.wasm");
process.exit(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.check());
JS
clang $target -O1 -ffreestanding -c "$around/memory.c" -o memory.o

# agrees FLAGS UNIT INSTRUCTION_SET
agrees() {
  # shellcheck disable=SC2086  # flags are meant to be split
  clang++ $target $strict $1 -I"$around" -c "$2.cpp" -o unit.o
  grep -q "$3" unit.o
  wasm-ld --no-entry --export=check -z stack-size=65536 unit.o memory.o -o program.wasm
  status=0
  node run.js || status=$?
  [ "$status" -eq 0 ] || { echo "WebAssembly $1 $2.cpp: check $status is wrong" >&2; exit 1; }
  echo "WebAssembly $1: $2.cpp agrees"
}
agrees -O2 zoo 6scalar
agrees '-O3 -msimd128' zoo 7simd128
agrees -O2 operations 6scalar
