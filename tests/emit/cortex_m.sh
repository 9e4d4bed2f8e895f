#!/bin/sh
# Emitted headers on microcontrollers, bare metal, in an emulator: without a floating-point unit
# (M3), with the DSP instructions (M4, M7), with Helium (M55).
set -eu
for tool in arm-none-eabi-g++ qemu-system-arm; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install gcc-arm-none-eabi qemu-system-arm"
    exit 0
  fi
done
. "$OCTET_SOURCE_DIR/tests/emit/freestanding/headers.sh"
around=$OCTET_SOURCE_DIR/tests/emit/freestanding

# agrees PROCESSOR MACHINE MEMORY FLAGS UNIT INSTRUCTION_SET
agrees() {
  target="-mthumb -mcpu=$1 $4"
  # shellcheck disable=SC2086  # flags are meant to be split
  {
    arm-none-eabi-g++ $strict $target -O2 -I"$around" -c "$5.cpp" -o unit.o
    arm-none-eabi-nm unit.o | grep -q "$6"
    arm-none-eabi-gcc $target -O1 -ffreestanding -c "$around/memory.c" -o memory.o
    arm-none-eabi-gcc $target -O1 -ffreestanding -c "$around/cortex_m.c" -o start.o
    arm-none-eabi-gcc $target -nostdlib -T "$around/cortex_m.ld" \
      -Wl,--defsym=flash_size="$3",--defsym=ram_size="$3" unit.o memory.o start.o -lgcc -o program
  }
  status=0
  timeout 300 qemu-system-arm -M "$2" -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel program || status=$?
  [ "$status" -eq 0 ] || { echo "$1 $5.cpp: check $status is wrong" >&2; exit 1; }
  echo "$1: $5.cpp agrees"
}
agrees cortex-m3 mps2-an385 4M -mfloat-abi=soft zoo 6scalar
agrees cortex-m4 mps2-an386 4M '-mfpu=fpv4-sp-d16 -mfloat-abi=hard' zoo 3dsp
agrees cortex-m4 mps2-an386 4M '-mfpu=fpv4-sp-d16 -mfloat-abi=hard' operations 3dsp
agrees cortex-m7 mps2-an500 4M '-mfpu=fpv5-d16 -mfloat-abi=hard' zoo 3dsp
agrees cortex-m55 mps3-an547 512K -mfloat-abi=hard zoo 6helium
