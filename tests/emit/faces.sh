#!/bin/sh
# One number, all ways: an emitted network gives the bits of the program's scalar run on real faces,
# with every compiler and level on this machine, and on other processors in emulators. By itself
# this is three faces and a small network. With OCTET_FACES=all, or a number, and OCTET_MODELS, the
# int8 programs that fer quantize wrote, it is those. With OCTET_TARGETS, some of: native aarch64
# cortex_m webassembly.
set -eu
writer='faces for the script*'
. "$OCTET_SOURCE_DIR/tests/emit/freestanding/headers.sh"
around=$OCTET_SOURCE_DIR/tests/emit/freestanding
sed -n 's/.*MESSAGE: //p' log
targets=${OCTET_TARGETS-native aarch64 cortex_m webassembly}
failed=0
wanted() { case " $targets " in *" $1 "*) ;; *) return 1 ;; esac; }
# there TOOL...: whether all of them are, else a sentence.
there() {
  for tool in "$@"; do
    if ! command -v "$tool" >/dev/null; then
      echo "skipped in part: $tool is not there"
      return 1
    fi
  done
}
# says WHERE COMMAND...: runs it, and tells what came of it.
says() {
  where=$1
  shift
  if text=$("$@" 2>&1); then
    echo "$where: $text agree"
  else
    echo "$where: $text agree, others differ" >&2
    failed=1
  fi
}

native() {
  cc -c "$around/faces_from_file.c" -o from_file.o
  for compiler in g++ clang++; do
    there $compiler || continue
    for level in -O0 -O2 '-O3 -march=native'; do
      # shellcheck disable=SC2086  # flags are meant to be split
      "$compiler" $strict $level -I. -c "$around/program/faces.cpp" -o faces.o
      "$compiler" from_file.o faces.o -o program
      says "$compiler $level" ./program faces.bin
    done
  done
}

aarch64() {
  there aarch64-linux-gnu-g++ qemu-aarch64 || return 0
  aarch64-linux-gnu-gcc -c "$around/faces_from_file.c" -o from_file.o
  for processor in cortex-a72 cortex-a76; do
    march=armv8-a
    if [ $processor = cortex-a76 ]; then march=armv8.2-a+dotprod; fi
    # shellcheck disable=SC2086  # flags are meant to be split
    aarch64-linux-gnu-g++ $strict -O2 -march=$march -I. -c "$around/program/faces.cpp" -o faces.o
    aarch64-linux-gnu-g++ -static from_file.o faces.o -o program
    says "$processor, $march" qemu-aarch64 -cpu $processor ./program faces.bin
  done
}

# on_cortex_m PROCESSOR MACHINE MEMORY FLAGS
on_cortex_m() {
  target="-mthumb -mcpu=$1 $4"
  # shellcheck disable=SC2086  # flags are meant to be split
  {
    arm-none-eabi-g++ $strict $target -O2 -I. -I"$around" -c "$around/program/faces.cpp" -o faces.o
    arm-none-eabi-gcc $target -O1 -ffreestanding -c "$around/faces_by_debugger.c" -o by_debugger.o
    arm-none-eabi-gcc $target -O1 -ffreestanding -c "$around/memory.c" -o memory.o
    arm-none-eabi-gcc $target -O1 -ffreestanding -c "$around/cortex_m.c" -o start.o
    if ! arm-none-eabi-gcc $target -nostdlib -T "$around/cortex_m.ld" \
      -Wl,--defsym=flash_size="$3",--defsym=ram_size="$3" faces.o by_debugger.o memory.o start.o \
      -lgcc -o program 2>message; then
      grep -q 'will not fit in region\|overflowed by' message || { cat message >&2; exit 1; }
      echo "$1: left out, for the network is too large for its $3"
      return 0
    fi
  }
  says "$1" qemu-system-arm -M "$2" -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel program
}
cortex_m() {
  there arm-none-eabi-g++ qemu-system-arm || return 0
  on_cortex_m cortex-m3 mps2-an385 4M -mfloat-abi=soft
  on_cortex_m cortex-m4 mps2-an386 4M '-mfpu=fpv4-sp-d16 -mfloat-abi=hard'
  on_cortex_m cortex-m7 mps2-an500 4M '-mfpu=fpv5-d16 -mfloat-abi=hard'
  on_cortex_m cortex-m55 mps3-an547 512K -mfloat-abi=hard
}

cat >run.js <<'JS'
const file = require("fs").readFileSync("faces.bin");
const bytes = require("fs").readFileSync("program.wasm");
const { memory, face_bytes, face_size, face_agrees, network_works } =
  new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const count = file.readInt32LE(0), size = face_size();
let agreeing = 0;
for (let begin = 8; begin + size <= file.length; begin += size) {
  new Uint8Array(memory.buffer, face_bytes(), size).set(file.subarray(begin, begin + size));
  agreeing += face_agrees();
}
process.stdout.write(`${agreeing} of ${count} faces`);
process.exit(network_works() && count > 0 && agreeing === count ? 0 : 1);
JS
webassembly() {
  there clang++ wasm-ld node || return 0
  target=--target=wasm32-unknown-unknown
  clang $target -O1 -ffreestanding -c "$around/memory.c" -o memory.o
  for flags in -O2 '-O2 -msimd128'; do
    # shellcheck disable=SC2086  # flags are meant to be split
    clang++ $target $strict $flags -I. -I"$around" -c "$around/program/faces.cpp" -o faces.o
    wasm-ld --no-entry --export=face_bytes --export=face_size --export=face_agrees \
      --export=network_works -z stack-size=65536 faces.o memory.o -o program.wasm
    says "WebAssembly $flags" node run.js
  done
}

for header in model_*.hpp; do
  number=${header#model_}
  number=${number%.hpp}
  cp "$header" model.hpp
  cp "faces_$number.bin" faces.bin
  echo "model $number, $(sed -n 's,^// Flash *\([0-9]*\) .*,\1 bytes,p' model.hpp) of constants"
  for target in native aarch64 webassembly cortex_m; do
    if wanted $target; then $target; fi
  done
done
exit $failed
