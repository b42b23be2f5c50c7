// The leaf rule: an object compiled with ISA flags may define nothing that baseline code could be linked against.
// Each global symbol of a kernel folder lies in its own namespace or is its table function, and none is weak.
//
//   node scripts/check-leaves.mjs [--objects FOLDER] [--nm PROGRAM] [--isas scalar,avx2]
//
// Without --objects the kernels are compiled by CMake into build/leaves. A leaking object, compiled on the spot, must be
// caught first: a check that cannot fail proves nothing.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { capture, jobs, root, run, which } from './tools.mjs';

const { values: options } = parseArgs({
  options: { objects: { type: 'string' }, nm: { type: 'string', default: 'nm' }, isas: { type: 'string' } },
});

for (const program of [options.nm, 'cmake']) {
  if (!which(program)) {
    console.log(`leaves: skipped, ${program} is not installed`);
    process.exit(0);
  }
}

/** The faults of one object file, and how many symbols it defines. */
function examine(file, isa) {
  const faults = [];
  let symbols = 0;
  for (const line of capture(options.nm, ['--demangle', '--defined-only', '--extern-only', file]).split('\n')) {
    const match = /^[0-9a-f]*\s+(\S)\s+(.+)$/.exec(line.trim());
    if (!match) continue;
    const [, kind, name] = match;
    symbols++;
    const own = name.startsWith(`lanewise::${isa}::`) || name === `lanewise::${isa}_table()`;
    if (/[VvWwu]/.test(kind)) faults.push(`weak symbol (${kind}) ${name}`);
    else if (!own) faults.push(`symbol outside lanewise::${isa} ${name}`);
  }
  return { faults, symbols };
}

/** A vector of the standard library and a helper without anonymous namespace: both must be reported. */
function selfTest() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lanewise-leaves-'));
  try {
    const source = path.join(folder, 'leak.cc');
    writeFileSync(
      source,
      `#include <vector>
       namespace lanewise {
       float helper(float a) { return a + 1; }
       namespace avx2 { void grow(std::vector<float>& v, float a) { v.push_back(helper(a)); } }
       }`,
    );
    const object = path.join(folder, 'leak.o');
    capture(process.env.CXX ?? 'c++', ['-std=c++17', '-O2', '-c', source, '-o', object]);
    const { faults } = examine(object, 'avx2');
    return faults.some((f) => f.startsWith('weak symbol')) && faults.some((f) => f.includes('lanewise::helper'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (!selfTest()) {
  console.error('leaves: the leaking object of the self-test was not caught; this check proves nothing');
  process.exit(1);
}

const objects = path.resolve(root, options.objects ?? 'build/leaves');
if (!options.objects) {
  const configure = ['-S', '.', '-B', objects, '-DLANEWISE_BUILD_ADDON=OFF'];
  if (which('ninja') && !existsSync(path.join(objects, 'CMakeCache.txt'))) configure.push('-G', 'Ninja');
  if (!run('cmake', configure, { stdio: ['ignore', 'ignore', 'inherit'] })) process.exit(1);
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  if (!run('cmake', ['--build', objects, '--parallel', String(jobs)], quiet)) process.exit(1);
}

// Other builds may lie below the folder; this one's objects are in CMakeFiles.
const compiled = path.join(objects, 'CMakeFiles');
const rows = readdirSync(compiled, { recursive: true })
  .map((file) => ({ file, isa: /native[\\/]kernels[\\/](\w+)[\\/][^\\/]+\.(o|obj)$/.exec(file)?.[1] }))
  .filter((row) => row.isa)
  .map((row) => ({ ...row, ...examine(path.join(compiled, row.file), row.isa) }))
  .sort((a, b) => a.isa.localeCompare(b.isa) || a.file.localeCompare(b.file));

for (const { file, isa, symbols, faults } of rows) {
  console.log(
    `${isa.padEnd(8)}${path.basename(file).padEnd(34)}${String(symbols).padStart(4)} symbols  ${faults.length ? 'LEAKS' : 'ok'}`,
  );
  for (const fault of faults) console.log(`        ${fault}`);
}
const found = new Set(rows.map((row) => row.isa));
const wanted = options.isas?.split(',') ?? [
  'scalar',
  ...({ x64: ['avx2', 'avx512', 'amx'], arm64: ['neon'] }[process.arch] ?? []),
];
const absent = wanted.filter((isa) => !found.has(isa));
for (const isa of absent) console.log(`${isa.padEnd(8)}no objects in ${objects}`);
const bad = rows.filter((row) => row.faults.length).length + absent.length;
console.log(`leaves: ${rows.length - bad + absent.length} passed, ${bad} failed`);
process.exit(bad ? 1 : 0);
