#!/bin/sh
# Emitted headers on aarch64, with NEON and with its dot product, in an emulator.
set -eu
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v $tool >/dev/null; then
    echo "skipped: $tool is not there; apt-get install g++-aarch64-linux-gnu qemu-user"
    exit 0
  fi
done
. "$OCTET_SOURCE_DIR/tests/emit/freestanding/headers.sh"
echo 'extern "C" int check(); int main() { return check(); }' >main.cpp

# agrees PROCESSOR FLAGS UNIT INSTRUCTION_SET
agrees() {
  # shellcheck disable=SC2086  # flags are meant to be split
  aarch64-linux-gnu-g++ $strict $2 -c "$3.cpp" -o unit.o
  nm unit.o | grep -q "$4"
  aarch64-linux-gnu-g++ -static main.cpp unit.o -o program
  status=0
  qemu-aarch64 -cpu "$1" ./program || status=$?
  [ "$status" -eq 0 ] || { echo "$1 $2 $3.cpp: check $status is wrong" >&2; exit 1; }
  echo "$1 $2: $3.cpp agrees"
}
agrees cortex-a72 -O2 zoo 4neon
agrees cortex-a72 -O2 operations 4neon
agrees cortex-a76 '-O3 -march=armv8.2-a+dotprod' zoo neon_dotprod
