/** Cold starts: one engine and one network in a fresh process each. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Isa } from 'lanewise';
import { repositoryRoot } from '../repository.js';

export type StartEngine = 'lanewise' | 'onnxruntime' | 'none';

export interface StartTask {
  /** The URL of lanewise as it is published. */
  readonly lanewise: string;
  readonly file: string;
  readonly inputName: string;
  readonly shape: readonly number[];
  /** Elements of the input, raw. */
  readonly inputFile: string;
  readonly threads: number;
  readonly isa: Isa;
}

export interface Start {
  readonly importMs: number;
  /** From the path of the file to the result of the first run. */
  readonly firstMs: number;
  /** Resident memory of the process when the result is there, and the most it ever had. */
  readonly residentBytes: number;
  readonly peakBytes: number;
  /** Of the first output. */
  readonly elements: number;
}

/** Makes the package that is published, and gives the URL of its entry. */
export function publishedEntry(): string {
  const root = repositoryRoot();
  const folder = join(root, 'build/package');
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bundle.mjs'), folder], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`scripts/bundle.mjs: ended with code ${status}\n${stderr}`);
  return pathToFileURL(join(folder, 'dist/index.js')).href;
}

const program = fileURLToPath(new URL('child.js', import.meta.url));

/** @throws Error with what the process said, when it failed */
export function startCold(engine: StartEngine, task: StartTask): Start {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, engine], {
    input: JSON.stringify(task),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${engine}: ended with ${signal ?? `code ${status}`}\n${stderr}`);
  return JSON.parse(stdout) as Start;
}
