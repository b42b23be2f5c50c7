/**
 * `npm run fuzz`: mutated model files in child processes that are watched, and the libFuzzer targets that build/fuzz holds.
 * What fails is saved in build/fuzz-findings.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readCorpus } from './corpus.js';
import { mutant } from './mutate.js';

const help = `Usage: npm run fuzz -- [options]

Mutates model files (target onnx) and runs the libFuzzer targets that scripts/ci/fuzz.sh has built. What fails is saved in
build/fuzz-findings. Exit code: 0 nothing found, 1 something, 2 wrong usage.

Options:
  --minutes N    for all targets together; default: 2
  --target NAME  this one alone
  --mutants N    model files to try at most; default: as many as the time allows
  --seed S       default: by the clock
  --help
`;

function wrongUsage(message: string): never {
  console.error(message);
  process.exit(2);
}

function readOptions() {
  const text = { type: 'string' } as const;
  try {
    const options = { minutes: text, mutants: text, target: text, seed: text, help: { type: 'boolean' } } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    return wrongUsage((error as Error).message);
  }
}

function positive(name: string, given: string | undefined, usual: number): number {
  const value = given === undefined ? usual : Number(given);
  return value > 0 ? value : wrongUsage(`--${name}: expected a number above 0, got '${given}'`);
}

const values = readOptions();
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}
const minutes = positive('minutes', values.minutes, 2);
const mutants = positive('mutants', values.mutants, Number.MAX_SAFE_INTEGER);
const seed = positive('seed', values.seed, Date.now() % 2 ** 31);

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const findings = join(root, 'build/fuzz-findings');
const hangSeconds = 5; // of processor time, so that a busy machine is not a hang
const deafSeconds = 120; // of the clock
const maxBytes = 2 * 2 ** 30;

/** Processor seconds and resident bytes of a process; zeros where there is no /proc. */
function usage(pid: number): { seconds: number; bytes: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return { seconds: (Number(fields[11]) + Number(fields[12])) / 100, bytes: Number(fields[21]) * 4096 };
  } catch {
    return { seconds: 0, bytes: 0 };
  }
}

interface Tally {
  ran: number;
  refused: number;
  found: number;
}

/** Tries mutants from `first` on until the child ends, well or not. Returns the next mutant to try. */
function round(
  first: number,
  last: number,
  until: number,
  tally: Tally,
  save: (index: number, why: string) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const script = new URL('./child.js', import.meta.url);
    const child: ChildProcess = fork(script, [String(seed), String(first), String(Math.min(500, last - first))], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let current: number | undefined;
    let next = first;
    let began = { at: Date.now(), seconds: 0 };
    let reason: string | undefined;
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => {
      complaint = (complaint + text).slice(-4000);
    });
    child.on('message', (message: { begin?: number; end?: number; verdict?: 'ran' | 'refused'; error?: string }) => {
      if (message.begin !== undefined) {
        current = message.begin;
        began = { at: Date.now(), seconds: usage(child.pid!).seconds };
      } else if (message.end !== undefined) {
        next = message.end + 1;
        current = undefined;
        if (message.verdict) tally[message.verdict]++;
        else save(message.end, message.error ?? 'no verdict');
      }
    });
    const watch = setInterval(() => {
      const { seconds, bytes } = usage(child.pid!);
      if (bytes > maxBytes) reason = `took ${(bytes / 2 ** 20).toFixed()} MiB`;
      else if (current !== undefined && seconds - began.seconds > hangSeconds) reason = `more than ${hangSeconds} s`;
      else if (current !== undefined && Date.now() - began.at > 1000 * deafSeconds)
        reason = `no answer for ${deafSeconds} s`;
      if (reason || Date.now() > until) child.kill('SIGKILL');
    }, 100);
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      const isOver = Date.now() > until && !reason;
      if (!isOver && (reason || code !== 0) && current !== undefined) {
        save(current, reason ?? `the process ended with ${signal ?? code}\n${complaint}`);
        next = current + 1;
      }
      resolve(next);
    });
  });
}

async function fuzzModels(minutes: number): Promise<Tally> {
  const corpus = readCorpus().map(({ bytes }) => bytes);
  const tally: Tally = { ran: 0, refused: 0, found: 0 };
  const until = Date.now() + 60_000 * minutes;
  const save = (index: number, why: string): void => {
    tally.found++;
    mkdirSync(findings, { recursive: true });
    const name = join(findings, `onnx-${seed}-${index}`);
    writeFileSync(`${name}.onnx`, mutant(corpus, seed, index));
    writeFileSync(`${name}.txt`, why);
    console.log(`onnx: mutant ${index}: ${why.split('\n')[0]} (${name}.onnx)`);
  };
  for (let next = 0; next < mutants && Date.now() < until; ) {
    next = await round(next, mutants, until, tally, save);
    console.log(
      `onnx: ${tally.ran + tally.refused + tally.found} mutants: ${tally.ran} ran, ${tally.refused} refused, ${tally.found} found`,
    );
  }
  return tally;
}

/** One libFuzzer target; false when it found something. */
function fuzzNative(file: string, minutes: number): boolean {
  mkdirSync(findings, { recursive: true });
  const { status } = spawnSync(
    join(root, 'build/fuzz', file),
    [
      '-max_len=64',
      '-len_control=0',
      '-entropic=0',
      `-seed=${seed}`,
      `-max_total_time=${Math.ceil(60 * minutes)}`,
      `-artifact_prefix=${findings}/${file}-`,
    ],
    {
      stdio: 'inherit',
      env: { ...process.env, ASAN_OPTIONS: 'allocator_may_return_null=1:detect_leaks=0:malloc_context_size=4' },
    },
  );
  return status === 0;
}

const folder = join(root, 'build/fuzz');
const native = existsSync(folder) ? readdirSync(folder).filter((name) => /^fuzz_[a-z]+$/.test(name)) : [];
const all = ['onnx', ...native.map((name) => name.slice(5))];
const wanted = values.target === undefined ? all : all.filter((name) => name === values.target);
if (wanted.length === 0)
  wrongUsage(`no target '${values.target}'; there are: ${all.join(', ')} (scripts/ci/fuzz.sh builds the native ones)`);
console.log(`seed ${seed}, targets: ${wanted.join(', ')}`);
const share = minutes / wanted.length;
let clean = true;
for (const target of wanted) {
  const ok = target === 'onnx' ? (await fuzzModels(share)).found === 0 : fuzzNative(`fuzz_${target}`, share);
  console.log(`${target}: ${ok ? 'nothing found' : 'FAILED'}`);
  clean &&= ok;
}
process.exitCode = clean ? 0 : 1;
