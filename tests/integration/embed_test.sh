#!/bin/sh
# Installs a build, then configures, builds and runs examples/embed against
# the installed copy alone: embed_test.sh CMAKE BUILD SOURCE
set -eu
cmake=$1
build=$2
source=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$cmake" --install "$build" --prefix "$scratch/prefix" >"$scratch/log" ||
  { cat "$scratch/log"; exit 1; }
"$scratch/prefix/bin/millrace" version

# A copy, so that nothing of the tree is found by accident.
cp -r "$source/examples/embed" "$scratch/source"
"$cmake" -G Ninja -S "$scratch/source" -B "$scratch/build" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
"$cmake" --build "$scratch/build"
if grep -rq -- "$source" "$scratch/prefix/lib/cmake" \
  "$scratch/prefix/include"; then
  echo 'the installed package names the source tree' >&2
  exit 1
fi

cat >"$scratch/expected" <<'END'
cluster local: 4 nodes, 1 streams, 2 tables
sym = EMBED
END
"$scratch/build/embed" "$source/examples/local.toml" >"$scratch/out"
cat "$scratch/out"
grep -v '^batch of trade: 1 row, 6 columns, ' "$scratch/out" |
  diff "$scratch/expected" -

code=0
"$scratch/build/embed" "$source/CMakeLists.txt" 2>"$scratch/err" || code=$?
cat "$scratch/err"
[ "$code" -eq 78 ]
