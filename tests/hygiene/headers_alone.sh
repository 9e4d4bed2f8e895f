#!/bin/sh
# Every header compiles alone: whoever includes only one needs no other. Third parties stay out.
# To read the standard library for each of them would take minutes. But a header that includes
# another brings all that the other brings, so right behind it, too, it sees nothing but its own
# includes. Therefore those that many include are precompiled, and the others compiled behind the
# largest of these that they include. This holds as long as includes stand at the top.
set -eu
if ! command -v ninja >/dev/null; then
  echo "skipped: ninja is not there; apt-get install ninja-build"
  exit 0
fi
compiler=$(command -v clang++ || echo "$CXX")

# order FOLDER: for each header in it a line: "precompiled" or "last", its name, and for the last ones
# the precompiled one that they stand behind, if any.
order() (
  cd "$1"
  find . -name '*.hpp' ! -path './octet/interop/*' | sed 's|^\./||' | LC_ALL=C sort |
    xargs awk '
      FNR == 1 { headers[++count] = FILENAME; top = 1 }
      /^namespace/ { top = 0 }
      # Text for several instruction sets is included where its namespace is.
      /^ *# *include "octet\/kernels\/vector\// && !top { next }
      /^ *# *include/ && !top { print "not-at-the-top:" FILENAME; exit }
      /^ *# *include *"/ { split($0, parts, "\""); own[FILENAME] = own[FILENAME] " " parts[2] }
      # Counts the headers that come with one, itself among them.
      function bring(header, whom,   names, n, i) {
        if ((whom, header) in brought) return
        brought[whom, header] = 1
        ++total[whom]
        n = split(own[header], names, " ")
        for (i = 1; i <= n; ++i) bring(names[i], whom)
      }
      # The largest that comes with a header, of all or of those that are precompiled.
      function largest(header, precompiled,   i, best) {
        best = ""
        for (i = 1; i <= count; ++i)
          if ((header, headers[i]) in brought && headers[i] != header &&
              (!precompiled || readers[headers[i]] > 3) && total[headers[i]] > total[best])
            best = headers[i]
        return best
      }
      END {
        for (i = 1; i <= count; ++i) bring(headers[i], headers[i])
        for (i = 1; i <= count; ++i) ++readers[largest(headers[i], 0)]
        for (i = 1; i <= count; ++i)
          if (readers[headers[i]] > 3) print "precompiled", headers[i]
          else print "last", headers[i], largest(headers[i], 1)
      }'
)

# compile_alone FOLDER: each header below FOLDER. What it did and has not changed, ninja remembers.
compile_alone() {
  order "$1" >order.txt
  {
    echo "flags = -std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I$1"
    echo 'rule precompiled'
    echo "  command = $compiler \$flags -x c++-header \$in -o \$out -MD -MF \$out.d"
    echo '  depfile = $out.d'
    echo 'rule last'
    echo "  command = $compiler \$flags \$behind -fsyntax-only -x c++ \$in -MD -MF \$out.d && touch \$out"
    echo '  depfile = $out.d'
    while read -r rule header before; do
      name=$(echo "$header" | tr / _)
      echo "#include <$header>" | cmp -s - "$name" || echo "#include <$header>" >"$name"
      before=$(echo "$before" | tr / _)
      echo "build $name.gch: $rule $name${before:+ | $before.gch}"
      if [ -n "$before" ]; then echo "  behind = -include $before"; fi
    done <order.txt
  } >build.ninja
  ninja -k 0
}

folder="$OCTET_BUILD_DIR/headers_alone"
rm -rf "$folder/planted"
mkdir -p "$folder/planted"
cd "$folder/planted"
# A header that leans on its includer must not pass, nor stand behind one that would help it.
mkdir include
echo '#include <vector>' >include/helping.hpp
echo 'inline std::vector<int> none();' >include/leaning.hpp
for user in 1 2 3 4; do echo '#include "helping.hpp"' >include/user$user.hpp; done
printf '#include "helping.hpp"\n#include "leaning.hpp"\n' >include/user5.hpp
if compile_alone include >told.txt; then
  echo "a header without its own includes was not noticed" >&2
  exit 1
fi
[ "$(grep FAILED told.txt)" = "FAILED: leaning.hpp.gch " ]
grep -qx 'precompiled helping.hpp' order.txt
grep -qx 'last user5.hpp helping.hpp' order.txt
printf 'namespace a {}\n#include <vector>\n' >include/late.hpp
order include | grep -q not-at-the-top:late.hpp

cd "$folder"
compile_alone "$OCTET_SOURCE_DIR/include"
cut -d ' ' -f 2 order.txt >found.txt
(cd "$OCTET_SOURCE_DIR/include" && find octet -name '*.hpp' ! -path 'octet/interop/*') |
  LC_ALL=C sort | diff - found.txt
