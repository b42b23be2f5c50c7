/** `bench start`: from a path to the first result, and the memory that takes, beside onnxruntime. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenWorkloads, type Workload, workloadNames } from '../models/workloads.js';
import type { BenchCommand } from '../report/command.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type CommonOptions, commonHelp, readOptions, UsageError } from '../report/options.js';
import { eachWithProgress, type PartProgress } from '../report/progress.js';
import { type StartResult, startResult, startSection } from './section.js';
import { publishedEntry, type Start, type StartEngine, type StartTask, startCold } from './start.js';

const engines = ['none', 'lanewise', 'onnxruntime'] as const satisfies readonly StartEngine[];

const help = `Usage: npm run bench -- start [options]

Starts a process per engine and round, which loads a network from its file and runs it once: the time to that first result,
and the memory the process has then. Linux alone, whose /proc/self/status is read.

Options:
${commonHelp}
  --help

Networks: ${workloadNames.join(', ')}
`;

async function measure(
  workload: Workload,
  { rounds, threads, isa }: CommonOptions,
  { folder, lanewise }: { readonly folder: string; readonly lanewise: string },
  part: PartProgress,
): Promise<StartResult> {
  const { name, title } = workload;
  part.at(0, `${name}: warming up`);
  const { file, inputName, shape, data } = await workload.prepare();
  const inputFile = join(folder, `${name}.bin`);
  writeFileSync(inputFile, data);
  const task: StartTask = { lanewise, file, inputName, shape, inputFile, threads, isa };
  const startAll = (): Record<StartEngine, Start> => {
    const starts = engines.map((engine) => [engine, startCold(engine, task)] as const);
    return Object.fromEntries(starts) as Record<StartEngine, Start>;
  };
  startAll(); // files are in the memory of the system from now on, for both
  const measured: Record<StartEngine, Start>[] = [];
  for (let round = 0; round < rounds; round++) {
    part.at(round / rounds, name);
    measured.push(startAll());
  }
  return startResult(name, title, measured);
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, workloadNames);
    if (process.platform !== 'linux') throw new UsageError('start: needs /proc/self/status, which Linux alone has');
    const where = origin(options.isa);
    const folder = mkdtempSync(join(tmpdir(), 'lanewise-start-'));
    try {
      const lanewise = publishedEntry();
      const results = await eachWithProgress(chosenWorkloads(options.only), (workload, part) =>
        measure(workload, options, { folder, lanewise }, part),
      );
      await deliver({ kind: 'start', ...where, threads: options.threads, results }, startSection, options);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
