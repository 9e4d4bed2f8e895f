#!/bin/sh
# Every header compiles alone: whoever includes only one needs no other. Third parties stay out.
# A compiler for each header would take minutes. But a header that includes another brings all that
# the other brings, so right behind it, too, it sees nothing but its own includes. Therefore one
# compilation serves a chain of headers, each of which includes the one before it: error.hpp,
# shape.hpp, tensor.hpp, layer.hpp and so on. This holds as long as includes stand at the top.
set -eu
compiler=$(command -v clang++ || echo "$CXX")
# Remembers the chains that have not changed since the last time.
if command -v ccache >/dev/null; then compiler="ccache $compiler"; fi
export compiler

# The sources keep their names from run to run, because ccache knows them by these.
folder="$OCTET_BUILD_DIR/headers_alone"
mkdir -p "$folder"
cd "$folder"

# chains FOLDER: the headers in it as chains, one a line.
chains() (
  cd "$1"
  find . -name '*.hpp' ! -path './octet/interop/*' | sed 's|^\./||' | LC_ALL=C sort |
    xargs awk '
      FNR == 1 { headers[++count] = FILENAME; top = 1 }
      /^namespace/ { top = 0 }
      # Text for several instruction sets is included where its namespace is.
      /^ *# *include "octet\/kernels\/vector\// && !top { next }
      /^ *# *include/ && !top { print "not-at-the-top:" FILENAME; exit }
      /^ *# *include *"/ { split($0, parts, "\""); own[FILENAME] = own[FILENAME] " " parts[2] }
      # Takes of the headers that this one includes the one with the longest chain behind it.
      function visit(header,   names, n, i, best) {
        if (links[header]) return
        links[header] = 1
        n = split(own[header], names, " ")
        for (i = 1; i <= n; ++i) visit(names[i])
        for (i = 1; i <= n; ++i)
          if (!(names[i] in taken) && (best == "" || links[names[i]] > links[best])) best = names[i]
        if (best == "") return
        taken[best] = 1
        before[header] = best
        links[header] += links[best]
      }
      END {
        for (i = 1; i <= count; ++i) visit(headers[i])
        for (i = 1; i <= count; ++i) {
          if (headers[i] in taken) continue
          chain = ""
          for (header = headers[i]; header != ""; header = before[header])
            chain = header " " chain
          print chain
        }
      }'
)

cat >alone.sh <<'C'
for last in $1; do :; done
name=$(echo "$last" | tr / _)
for header in $1; do echo "#include \"$header\""; done >"$name.cpp"
$compiler -std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I. -I"$OCTET_SOURCE_DIR/include" \
  -c "$name.cpp" -o "$name.o" && exit
echo "does not compile alone, one of: $1" >&2
exit 1
C

# A header that leans on its includer must not pass, nor stand behind one that would help it.
rm -rf planted
mkdir planted
echo '#include <vector>' >planted/helping.hpp
echo 'inline std::vector<int> none();' >planted/leaning.hpp
printf '#include "helping.hpp"\n#include "leaning.hpp"\n' >planted/user.hpp
chains planted >planted/chains.txt
grep -qx 'helping.hpp user.hpp ' planted/chains.txt
grep -qx 'leaning.hpp ' planted/chains.txt
if (cd planted && sh ../alone.sh 'leaning.hpp ') 2>planted/told.txt; then
  echo "a header without its own includes was not noticed" >&2
  exit 1
fi
grep -q 'does not compile alone, one of: leaning.hpp' planted/told.txt
printf 'namespace a {}\n#include <vector>\n' >planted/late.hpp
chains planted | grep -q not-at-the-top:late.hpp

chains "$OCTET_SOURCE_DIR/include" >chains.txt
tr ' ' '\n' <chains.txt | grep -v '^$' | LC_ALL=C sort >found.txt
(cd "$OCTET_SOURCE_DIR/include" && find octet -name '*.hpp' ! -path 'octet/interop/*') |
  LC_ALL=C sort | diff - found.txt
xargs -P "$(getconf _NPROCESSORS_ONLN)" -d '\n' -n 1 sh alone.sh <chains.txt
