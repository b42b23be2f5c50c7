// `npm run lint`: Biome over TypeScript and scripts, clang-format and clang-tidy over C++, the house rules.
//
//   --fix    write what can be written (this is `npm run format`)
//   --fast   without clang-tidy, which takes minutes
//   --all    a missing tool is a failure (continuous integration)
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bin, capture, jobs, root, run, which } from './tools.mjs';

const fix = process.argv.includes('--fix');
const fast = process.argv.includes('--fast') || fix;
const all = process.argv.includes('--all');
const results = [];

const files = capture('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate']).split('\n');
const cpp = files.filter((f) => /\.(cc|h|inc)$/.test(f) && /^(native|test\/native|bench\/native)\//.test(f));
const units = cpp.filter((f) => /^native\/(addon|core|cpu)\/.*\.cc$/.test(f));

check('biome', () =>
  run(process.execPath, [bin('@biomejs/biome/bin/biome'), 'check', ...(fix ? ['--write'] : []), '.']),
);

if (present('clang-format', cpp)) {
  check('clang-format', () => run('clang-format', [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...cpp]));
}
if (fast) skip('clang-tidy', 'not asked for');
else if (present('clang-tidy', units) && present('cmake', units)) {
  await checkAsync('clang-tidy', tidy);
}
if (!fix) check('lock file', noInstallScripts);

const width = Math.max(...results.map((r) => r.name.length));
for (const { name, verdict } of results) console.log(`lint  ${name.padEnd(width)}  ${verdict}`);
const failed = results.filter((r) => r.verdict === 'FAILED').length;
console.log(`lint: ${results.filter((r) => r.verdict === 'ok').length} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

function check(name, body) {
  results.push({ name, verdict: body() ? 'ok' : 'FAILED' });
}

async function checkAsync(name, body) {
  results.push({ name, verdict: (await body()) ? 'ok' : 'FAILED' });
}

function skip(name, why) {
  results.push({ name, verdict: `skipped: ${why}` });
}

function present(program, inputs) {
  if (inputs.length === 0) skip(program, 'no files');
  else if (which(program)) return true;
  else if (all) check(`${program} is installed`, () => false);
  else skip(program, 'not installed');
  return false;
}

/** The analysed files of a compile database made for it; each process takes the next file when it is done. */
async function tidy() {
  const database = path.join(root, 'build/lint');
  mkdirSync(database, { recursive: true });
  if (!run('cmake', ['-S', '.', '-B', database], { stdio: ['ignore', 'ignore', 'inherit'] })) return false;
  // clang refuses GCC's own options.
  const commands = path.join(database, 'compile_commands.json');
  writeFileSync(commands, readFileSync(commands, 'utf8').replaceAll(' -fno-gnu-unique', ''));
  const queue = [...units];
  let good = true;
  async function worker() {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const child = spawn('clang-tidy', ['-p', database, '--quiet', file], { cwd: root });
      let said = '';
      child.stdout.on('data', (text) => {
        said += text;
      });
      const code = await new Promise((resolve) => child.on('close', resolve));
      if (code !== 0) {
        good = false;
        console.log(said || `clang-tidy ${file}: exit code ${code}`);
      }
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker));
  return good;
}

/** npm 10 runs the install script of every package that the lock file flags; none of ours needs one. */
function noInstallScripts() {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const flagged = Object.keys(packages).filter((name) => packages[name].hasInstallScript);
  const { optionalDependencies } = packages['node_modules/@biomejs/biome'];
  const missing = Object.keys(optionalDependencies).filter((name) => !packages[`node_modules/${name}`]);
  for (const name of flagged) console.log(`package-lock.json: delete "hasInstallScript" of ${name}`);
  for (const name of missing) console.log(`package-lock.json: ${name} is missing; \`npm ci\` would refuse the file`);
  return flagged.length === 0 && missing.length === 0;
}
