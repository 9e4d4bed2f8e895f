#!/bin/sh
# fer demo, the main job: synthetic faces are hard enough, but not too hard, for a small network, and
# int8 tells them apart as well as float32 does.
set -eu
fer=${OCTET_BUILD_DIR:?expected the build folder}/examples/fer
if [ ! -x "$fer" ]; then
  echo "skipped: $fer is not there, because CLI11 or stb_image was not found"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$fer" demo >out
cat out
[ "$(grep -c '  drawn as' out)" -eq 3 ]
[ "$(tail -n 1 out)" = "  fer train --data fer2013.csv --out trained" ]
awk -F '|' '
  $2 ~ /^ float32 *$/ && !float32 { float32 = $3 + 0 }
  $2 ~ /^ int8 *$/ && !int8 { int8 = $3 + 0 }
  END {
    printf "float32 %.2f %%, int8 %.2f %%\n", float32, int8
    exit !(float32 > 85 && float32 < 97 && int8 > float32 - 1)
  }' out
