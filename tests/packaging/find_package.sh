#!/bin/sh
# Octet installed by CMake, the tree moved, then found by find_package and by pkg-config.
set -eu
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
command -v cmake >/dev/null || { echo "skipped: there is no cmake"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
consumer=$OCTET_SOURCE_DIR/tests/packaging/consumer

# check HEADERS SHARE: the folders of the headers and of all else; only those below the prefix move.
check() {
  rm -rf "${work:?}"/*
  mkdir "$work/first"
  cmake -S "$OCTET_SOURCE_DIR" -B "$work/octet" -DCMAKE_CXX_COMPILER="$CXX" -DOCTET_DEVELOP=OFF \
    -DCMAKE_INSTALL_INCLUDEDIR="$1" -DCMAKE_INSTALL_DATADIR="$2"
  cmake --install "$work/octet" --prefix "$work/first"
  mv "$work/first" "$work/prefix"

  cmake -S "$consumer" -B "$work/consumer" -DCMAKE_CXX_COMPILER="$CXX" \
    -DCMAKE_PREFIX_PATH="$work/prefix;$work/prefix/nested;$work/absolute"
  cmake --build "$work/consumer"
  test "$("$work/consumer/consumer")" = "[2, 3]"

  export PKG_CONFIG_PATH="$work/prefix/share/pkgconfig:$work/prefix/nested/share/pkgconfig:$work/absolute/share/pkgconfig"
  # shellcheck disable=SC2046  # flags are meant to be split
  "$CXX" -std=c++20 "$consumer/source/consumer.cpp" $(pkg-config --cflags --libs octet) -o "$work/by_pkg_config"
  test "$("$work/by_pkg_config")" = "[2, 3]"
}

check include share
check headers nested/share
check "$work/absolute/headers" "$work/absolute/share"
