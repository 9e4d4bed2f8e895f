#!/bin/sh
# ./run finds its checkout, also when it is called through a link from elsewhere.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$OCTET_SOURCE_DIR/run" "$work/link"
sh -x "$work/link" 2>&1 | grep -qx "+ root=$(readlink -f "$OCTET_SOURCE_DIR")" ||
  { echo "FAILED: expected the root of the checkout" && exit 1; }
