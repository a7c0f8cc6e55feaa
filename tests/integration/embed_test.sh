#!/bin/sh
# Installs a build, then configures, builds and runs examples/embed and
# examples/failure_test against the installed copy alone:
# embed_test.sh CMAKE BUILD SOURCE
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

# Its tests pass; one that is broken says how to see it again.
cp -r "$source/examples/failure_test" "$scratch/failure_test"
"$cmake" -G Ninja -S "$scratch/failure_test" -B "$scratch/failures" \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
"$cmake" --build "$scratch/failures"
cd "$scratch/failure_test"
"$scratch/failures/vwap_test" --gtest_brief=1
cat >"$scratch/script" <<'END'
at 3s: kill feed | kill rt1 restart 500ms empty | pause mine
at 4s: resume mine
END
if MILLRACE_SIM_SEED=3 MILLRACE_SIM_SCRIPT="$scratch/script" \
  "$scratch/failures/vwap_test" \
  --gtest_filter=Vwap.SurvivesWhateverASeedDraws >"$scratch/said"; then
  echo 'nobody missed the rows of a disk that is gone' >&2
  exit 1
fi
cat "$scratch/said"
grep -q 'replay: .*MILLRACE_SIM_SEED=3 .*SurvivesWhateverASeedDraws' "$scratch/said"
# Pasted, it fails as it did, wherever that is done.
replay=$(sed -n 's/^replay: //p' "$scratch/said" | head -n 1)
if (cd / && sh -c "$replay") >"$scratch/again"; then
  echo "it does not fail again: $replay" >&2
  exit 1
fi
grep -q 'lost or doubled rows' "$scratch/again"
grep -q '^at 3s: .*kill rt1 restart 500ms empty' "$scratch/said"
grep -q 's  life 2 begins' "$scratch/said"
cd - >/dev/null

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
millrace="$scratch/prefix/bin/millrace"
export MILLRACE_CONFIG="$scratch/cluster.toml"
timeout 60 "$scratch/build/embed" "$MILLRACE_CONFIG" >"$scratch/out" &
embed=$!
"$millrace" spawn volume1 --on embed
# The program ends with the third trade: perhaps before `pub` hears that all is
# committed.
code=0
"$millrace" pub --stream market --table trade --format csv <<'END' || code=$?
sym,price,size
AIG,1.0,100
SPY,1.0,300
AIG,1.0,50
END
[ "$code" -eq 0 ] || [ "$code" -eq 69 ]
wait "$embed"
diff "$scratch/expected" "$scratch/out"

# The same type in a shared library, which the installed program loads.
cp -r "$source/examples/library" "$scratch/library"
"$cmake" -G Ninja -S "$scratch/library" -B "$scratch/library/build" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
"$cmake" --build "$scratch/library/build"
cp "$scratch/library/build/volume.so" "$scratch/library"
chmod -R go-w "$scratch/library"
loading="$scratch/library/cluster.toml"
sed -i "s/^port = .*/port = $port/" "$loading"
"$millrace" up --config "$loading"
trap '"$millrace" down --force --config "$loading"; rm -rf "$scratch"' EXIT
echo '{"sym": "AIG", "price": 1.0, "size": 7}' |
  "$millrace" pub --config "$loading" --stream market --table trade
tries=0
until "$millrace" status --config "$loading" -o json | grep -q '"AIG": 7'; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ]
done
"$millrace" down --config "$loading"
trap 'rm -rf "$scratch"' EXIT

# Another program does not know the type: it says where the file names it.
sed -i 's/^type = "volume"/&\nnode = "embed"/' "$MILLRACE_CONFIG"
line=$(grep -n '^type = "volume"' "$MILLRACE_CONFIG" | cut -d: -f1)
code=0
"$millrace" node --name embed 2>"$scratch/err" || code=$?
cat "$scratch/err"
[ "$code" -eq 78 ]
grep -q "cluster.toml:$line:process.type: .*'volume'.* rdb" "$scratch/err"

code=0
"$scratch/build/embed" "$source/CMakeLists.txt" 2>"$scratch/err" || code=$?
cat "$scratch/err"
[ "$code" -eq 78 ]
