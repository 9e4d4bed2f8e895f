# For the scripts of tests/emit: goes to a folder of its own, with the emitted headers and the units
# that check them, and says how firmware compiles them. The scripts may ask for another test case.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
OCTET_EMIT_FOLDER=$work "$OCTET_BUILD_DIR/tests/test_networks" --no-skip \
  --test-case="${writer:-headers for the scripts*}" >log 2>&1 || { cat log; exit 1; }
# shellcheck disable=SC2034  # for the script that reads this
strict="-std=c++17 -Wall -Wextra -Wpedantic -Werror -fno-exceptions -fno-rtti -ffreestanding"
