#!/bin/sh
# fer bench: every layer of both forms, the loud lines, and the same as JSON.
set -u
fer=${OCTET_BUILD_DIR:?expected the build folder}/examples/fer
if [ ! -x "$fer" ]; then
  echo "skipped: $fer is not there, because CLI11 or stb_image was not found"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

die() {
  echo "FAILED: $1"
  cat out err
  exit 1
}
prints() {
  grep -qE -- "$1" out || die "expected \"$1\" in the output"
}

"$fer" bench lenet --batch 2 --json table.json >out 2>err || die "expected exit code 0"
prints '^lenet, batch 2, 1 thread, .*random weights$'
for layer in input.int8 conv2d_1 average_pool_1 conv2d_2 linear_1 linear_3; do
  prints "^$layer +[0-9.-]+ +[0-9.-]+ "
done
prints '^conv2d_1 .* conv2d_s8s8s8_.*too few channels: sums of 25 products, 6 outputs$'
prints '^linear_3.float32 .*conversion from int8 to float32$'
prints '^whole run +[0-9.]+ +[0-9.]+ +[0-9.]+$'
grep -qF '"name":"conv2d_1","type":"conv2d"' table.json || die "expected conv2d_1 in the JSON"

"$fer" bench lenet --json table.json >out 2>err || die "expected an older table to be replaced"

# What the processor could do better is told loudly, if there is something better.
best=$(head -1 out | sed 's/.*thread, \([a-z0-9_]*\),.*/\1/')
if [ "$best" != scalar ]; then
  "$fer" bench lenet --isa scalar >out 2>err || die "expected exit code 0"
  prints '^conv2d_1 .* scalar kernel, although this processor has [a-z0-9_]+$'
  prints '^!!! SCALAR KERNEL: conv2d_1 runs conv2d_s8s8s8_scalar, although'
  prints '^!!! HELD TO scalar by OCTET_ISA or --isa, although'
fi

"$fer" bench lenet --isa wasm_simd128 >out 2>err
[ $? -eq 2 ] || die "expected exit code 2 for a set that this processor lacks"
grep -qF "expected one of this processor's sets: scalar" err || die "expected the sets there are"

"$fer" bench lenet --json nowhere/table.json >out 2>err
[ $? -eq 2 ] || die "expected exit code 2 for JSON that cannot be written"
[ ! -s out ] || die "expected nothing to be measured"
"$fer" bench nothing.safetensors >out 2>err
[ $? -eq 2 ] || die "expected exit code 2 for a file that is not there"
grep -qF nothing.safetensors err || die "expected the name of the file in the message"
