#!/usr/bin/env bash
# What a user gets: the prebuild, the packed package installed into an empty folder without scripts, and both at work.
. "$(dirname "$0")/common.sh"
rm -rf prebuilds
npm run prebuild
ls -l prebuilds/*
scripts/abi-floor.sh prebuilds/*/*.node

say "the prebuild, in the project"
PREBUILDS_ONLY=1 node scripts/ci/smoke.mjs

say "the package, in an empty folder"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --pack-destination "$folder" --silent
echo '{ "private": true }' >"$folder/package.json"
(
  cd "$folder"
  npm install --ignore-scripts --prefer-offline --no-audit --no-fund ./lanewise-*.tgz
  du -sh node_modules/lanewise | sed 's/^/installed: /'
  cp "$root/scripts/ci/smoke.mjs" .
  node smoke.mjs
  node -e "require('lanewise').cpuInfo()"
  # Declarations must stand on their own.
  printf "import { cpuInfo, tensor } from 'lanewise';\ncpuInfo();\ntensor(new Float32Array(1), [1]);\n" >user.mts
  node "$root/node_modules/typescript/bin/tsc" --noEmit --strict --module nodenext --target es2022 \
    --lib es2023,esnext.disposable --types node --typeRoots "$root/node_modules/@types" user.mts
)
npm run build:native
echo "package: 3 passed, 0 failed"
