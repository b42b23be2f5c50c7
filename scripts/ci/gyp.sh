#!/usr/bin/env bash
# The second build path, beside the first so that neither wipes the other, and the same tests on it. Sources and flags are those
# of the first: of each sweep a sample is enough.
. "$(dirname "$0")/common.sh"
quick
out=build/gyp
rm -rf $out
mkdir -p $out
cp -r binding.gyp package.json native $out/
ln -s "$root/node_modules" $out/node_modules
prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
[ ! -f "$prefix/include/node/node.h" ] || export npm_config_nodedir=$prefix
(cd $out && node "$root/node_modules/node-gyp/bin/node-gyp.js" rebuild --jobs 2 >build.log 2>&1) || { tail -n 60 $out/build.log; exit 1; }
say "$(ls -l $out/build/Release/lanewise.node)"
scripts/abi-floor.sh $out/build/Release/lanewise.node
export LANEWISE_PREBUILD=$root/$out
ava
