// Builds the addon: with cmake-js where CMake is installed, else with node-gyp.
//
//   node scripts/build-native.mjs                      build/Release/lanewise.node
//   node scripts/build-native.mjs --gyp                the same through binding.gyp (wipes build/)
//   node scripts/build-native.mjs --tests              and the C++ tests, build/tests/lanewise_native_tests
//   node scripts/build-native.mjs --out build/asan/build --sanitize 'address;undefined'
//   node scripts/build-native.mjs --out build/arm64/build --arch arm64 --toolchain scripts/toolchain-aarch64.cmake
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bin, jobs, root, run, which } from './tools.mjs';

/** @returns what went wrong, or undefined. */
export function buildNative({ gyp, tests, out, config = 'Release', sanitize, arch, toolchain, verbose } = {}) {
  if (gyp || !which('cmake')) {
    if (out || sanitize || toolchain) return 'only the CMake build has another folder, sanitizers or a toolchain file';
    return buildWithGyp(config);
  }
  const cmakeJs = bin('cmake-js/bin/cmake-js');
  if (!cmakeJs) return 'cmake-js is not installed: npm ci';
  const args = ['--config', config, '--parallel', String(jobs)];
  if (!verbose) args.push('--log-level', 'warn');
  if (out) args.push('--out', path.resolve(root, out));
  if (arch) args.push('--arch', arch);
  if (toolchain) args.push(`--CDCMAKE_TOOLCHAIN_FILE=${path.resolve(root, toolchain)}`);
  args.push(`--CDLANEWISE_SANITIZE=${sanitize ?? ''}`, `--CDLANEWISE_BUILD_TESTS=${tests ? 'ON' : 'OFF'}`);
  // `build` alone keeps the options of the last time.
  if (!run(process.execPath, [cmakeJs, 'configure', ...args])) return 'cmake-js configure failed';
  return run(process.execPath, [cmakeJs, 'build', ...args]) ? undefined : 'cmake-js build failed';
}

function buildWithGyp(config) {
  const nodeGyp = bin('node-gyp/bin/node-gyp.js');
  if (!nodeGyp) return 'node-gyp is not installed: npm ci';
  const env = { ...process.env };
  // The headers beside this node, if it has them, spare a download.
  const prefix = path.dirname(path.dirname(process.execPath));
  if (!env.npm_config_nodedir && existsSync(path.join(prefix, 'include/node/node.h'))) env.npm_config_nodedir = prefix;
  const args = [nodeGyp, 'rebuild', '--jobs', String(jobs)];
  if (config === 'Debug') args.push('--debug');
  return run(process.execPath, args, { env }) ? undefined : 'node-gyp failed';
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      gyp: { type: 'boolean' },
      tests: { type: 'boolean' },
      out: { type: 'string' },
      config: { type: 'string' },
      sanitize: { type: 'string' },
      arch: { type: 'string' },
      toolchain: { type: 'string' },
      verbose: { type: 'boolean' },
    },
  });
  const failure = buildNative(values);
  if (failure) {
    console.error(`lanewise: the addon was not built: ${failure}`);
    process.exit(1);
  }
}
