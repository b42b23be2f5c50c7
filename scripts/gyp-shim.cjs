#!/usr/bin/env node
// prebuildify asks a node-gyp to `rebuild --arch=A --release|--debug`. This one answers with the CMake build, in a folder
// of its own per architecture, and leaves the addon where prebuildify looks for it.
//
//   LANEWISE_TOOLCHAIN   a CMake toolchain file, for another architecture
'use strict';
const { copyFileSync, mkdirSync } = require('node:fs');
const path = require('node:path');

const option = (name) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const arch = option('arch') ?? process.arch;
const config = process.argv.includes('--debug') ? 'Debug' : 'Release';
const root = path.join(__dirname, '..');
const out = path.join(root, 'build', `prebuild-${arch}`);

import('./build-native.mjs').then(({ buildNative }) => {
  const failure = buildNative({ out, config, arch, toolchain: process.env.LANEWISE_TOOLCHAIN });
  if (failure) {
    console.error(`lanewise: ${failure}`);
    process.exit(1);
  }
  mkdirSync(path.join(root, 'build', config), { recursive: true });
  copyFileSync(path.join(out, config, 'lanewise.node'), path.join(root, 'build', config, 'lanewise.node'));
});
