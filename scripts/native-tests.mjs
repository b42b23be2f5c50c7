// Builds and runs the C++ tests in test/native: with CMake in build/native, without it straight with $CXX.
//
//   node scripts/native-tests.mjs [--build-only] [-- arguments of the test program]
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { jobs, root, run, which } from './tools.mjs';

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

let program = path.join(root, 'build/native/lanewise_native_tests');
if (which('cmake')) {
  const configure = ['-S', '.', '-B', 'build/native', '-DLANEWISE_BUILD_ADDON=OFF', '-DLANEWISE_BUILD_TESTS=ON'];
  if (!existsSync(path.join(root, 'build/native/CMakeCache.txt')) && which('ninja')) configure.push('-G', 'Ninja');
  if (!run('cmake', configure, { stdio: ['ignore', 'ignore', 'inherit'] })) process.exit(1);
  if (!run('cmake', ['--build', 'build/native', '--config', 'Release', '--parallel', String(jobs)])) process.exit(1);
  if (process.platform === 'win32') program = path.join(root, 'build/native/Release/lanewise_native_tests.exe');
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
  const out = path.join(root, 'build/native/objects');
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
