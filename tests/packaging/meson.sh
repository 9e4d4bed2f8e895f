#!/bin/sh
# Octet installed by Meson and found by pkg-config; and Octet as a Meson subproject.
set -eu
command -v meson >/dev/null || { echo "skipped: there is no meson"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CXX

mkdir -p "$work/project/subprojects"
ln -s "$OCTET_SOURCE_DIR" "$work/project/subprojects/octet"
cp "$OCTET_SOURCE_DIR/tests/packaging/consumer/source/consumer.cpp" "$work/project"
cat >"$work/project/meson.build" <<'M'
project('consumer', 'cpp', default_options: ['cpp_std=c++20'])
executable('consumer', 'consumer.cpp', dependencies: dependency('octet', fallback: 'octet'),
  cpp_args: ['-Werror', '-Wshadow', '-Wconversion', '-Wsign-conversion', '-Wold-style-cast'])
M
meson setup "$work/build" "$work/project" --prefix "$work/prefix"
meson install -C "$work/build"
test "$("$work/build/consumer")" = "[2, 3]"
# Nothing of Octet is installed with the consumer.
test ! -e "$work/prefix"

meson setup "$work/octet" "$OCTET_SOURCE_DIR" --prefix "$work/prefix"
grep -q -e "-I[^ ]*/$(basename "$OCTET_SOURCE_DIR")/include " "$work/octet/compile_commands.json"
meson install -C "$work/octet" --no-rebuild
export PKG_CONFIG_PATH="$work/prefix/share/pkgconfig"
# shellcheck disable=SC2046  # flags are meant to be split
"$CXX" -std=c++20 "$work/project/consumer.cpp" $(pkg-config --cflags --libs octet) \
  -o "$work/by_pkg_config"
test "$("$work/by_pkg_config")" = "[2, 3]"
