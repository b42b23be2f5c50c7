/** Programs of a few lines in a process of their own: how they end, and what they print. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
export const root = repositoryRoot();

/** Emulated processors cannot start another program of theirs; the tests that need one are skipped there. */
export const canSpawn = process.env['LANEWISE_TEST_LEVEL'] !== 'quick' || process.arch === 'x64';
if (!canSpawn) console.log('skipped: what starts programs of its own, which an emulated processor cannot');

/**
 * Runs an ES module given as text, in the repository, so that `import 'lanewise'` finds this package. `environment` is
 * added to that of the tests; undefined takes a variable away.
 */
export const runProgram = (program: string, environment: Environment = {}, type = 'module'): Promise<Ending> =>
  runNode([`--input-type=${type}`, '--eval', program], environment);

/** Runs a file, as `runProgram` runs a text. */
export const runFile = (path: string, environment: Environment = {}): Promise<Ending> => runNode([path], environment);

export type Environment = Readonly<Record<string, string | undefined>>;

/** Runs Node.js with these arguments. */
export async function runNode(args: readonly string[], environment: Environment): Promise<Ending> {
  const env = {
    ...process.env,
    LANEWISE_ISA: undefined,
    LANEWISE_THREADS: undefined,
    LANEWISE_SELF_CHECK: undefined,
    NODE_NO_WARNINGS: '1',
    ...environment,
  };
  const child = spawn(process.execPath, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Lines that load the slow model of the tests: `model` and `x`, some hundred milliseconds a run. */
export const slowProgram = `
  import { slowModel, slowInput } from './build/ts/test/models/small-models.js';
  const model = await slowModel(30, { isa: 'scalar' });
  const x = slowInput(1);
`;

const failingAddonFolder = join(root, 'build/tests/failing');
/**
 * The folder of an addon whose allocations fail on request and that sums up what it tells V8; only the CMake build with
 * tests makes it. None where another build is under test: a sanitizer would take its allocator for a mistake.
 */
export const failingAddon =
  process.env['LANEWISE_PREBUILD'] === undefined && existsSync(failingAddonFolder) ? failingAddonFolder : undefined;
if (!failingAddon)
  console.log(
    'skipped: what needs build/tests/failing: it was not built, or LANEWISE_PREBUILD names another build to test',
  );
