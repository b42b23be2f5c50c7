// Builds the addon and the C++ tests in test/native, which share their objects, and runs the tests. Without CMake the
// tests are compiled straight with $CXX.
//
//   node scripts/native-tests.mjs [--build-only] [-- arguments of the test program]
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { buildNative } from './build-native.mjs';
import { root, run, which } from './tools.mjs';

const args = process.argv.slice(2);
const buildOnly = args[0] === '--build-only';
const passed = args.includes('--') ? args.slice(args.indexOf('--') + 1) : [];

const folder = path.join(root, 'test/native');
const sources = existsSync(folder)
  ? readdirSync(folder)
      .filter((f) => f.endsWith('.cc') && !f.startsWith('fuzz_'))
      .map((f) => `test/native/${f}`)
  : [];
if (sources.length === 0) {
  console.log('native tests: skipped, there are none');
  process.exit(0);
}

let program = path.join(root, 'build/tests/lanewise_native_tests');
if (process.platform === 'win32') program += '.exe';
if (which('cmake')) {
  const failure = buildNative({ tests: true });
  if (failure) {
    console.error(`native tests: not built: ${failure}`);
    process.exit(1);
  }
} else {
  const cxx = process.env.CXX ?? ['c++', 'g++', 'clang++'].find((c) => which(c));
  if (!cxx) {
    console.log('native tests: skipped, neither cmake nor a C++ compiler is on the PATH');
    process.exit(0);
  }
  if (!compileWithout(cxx)) process.exit(1);
}
if (!buildOnly && !run(program, passed)) {
  console.error('native tests: failed');
  process.exit(1);
}

function compileWithout(cxx) {
  const list = JSON.parse(readFileSync(path.join(root, 'native/sources.json'), 'utf8'));
  const out = path.join(root, 'build/tests/objects');
  mkdirSync(out, { recursive: true });
  const common = ['-std=c++17', '-O3', '-ffp-contract=off', '-fno-math-errno', '-pthread', '-Inative', '-Itest/native'];
  const units = [...list.core, ...sources].map((file) => ({ file, flags: [] }));
  for (const { arch, flags, sources: files } of Object.values(list.kernels)) {
    if (arch === process.arch) units.push(...files.map((file) => ({ file, flags })));
  }
  // No dependency on headers is known here, so whatever is newest decides for all.
  const newest = newestIn(path.join(root, 'native'), newestIn(folder, 0));
  const objects = [];
  for (const { file, flags } of units) {
    const object = path.join(out, `${file.replaceAll('/', '-')}.o`);
    objects.push(object);
    if (existsSync(object) && statSync(object).mtimeMs > newest) continue;
    if (!run(cxx, [...common, ...flags, '-c', file, '-o', object])) return false;
  }
  return run(cxx, [...objects, '-pthread', '-o', program]);
}

function newestIn(directory, start) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, statSync(path.join(entry.parentPath, entry.name)).mtimeMs), start);
}
