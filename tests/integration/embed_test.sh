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

cp "$source/examples/embed/cluster.toml" "$scratch/cluster.toml"
# The example's port may be taken here: one that is free now.
port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
sed -i "s/^port = .*/port = $port/" "$scratch/cluster.toml"
cat >"$scratch/expected" <<'END'
volume1 on node embed
AIG 150
SPY 300
END
timeout 60 "$scratch/build/embed" "$scratch/cluster.toml" >"$scratch/out"
diff "$scratch/expected" "$scratch/out"

code=0
"$scratch/build/embed" "$source/CMakeLists.txt" 2>"$scratch/err" || code=$?
cat "$scratch/err"
[ "$code" -eq 78 ]
