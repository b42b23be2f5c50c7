/** `bench scaling`: what more threads bring, in both engines. */
import { cpuInfo } from 'lanewise';
import { openPair } from '../models/engines.js';
import { race } from '../models/race.js';
import { networkResult } from '../models/result.js';
import { warmTurn } from '../models/turns.js';
import { chosenWorkloads, type Workload, workloadNames } from '../models/workloads.js';
import type { BenchCommand } from '../report/command.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type BenchOptions, readThreadsOptions, threadsHelp } from '../report/options.js';
import { eachWithProgress, type PartProgress } from '../report/progress.js';
import { type ScalingResult, scalingResult, scalingSection } from './section.js';
import { usualThreadCounts } from './threads.js';

const help = `Usage: npm run bench -- scaling [options]

Runs networks with lanewise and onnxruntime in turns, with one thread each, with two, and so on.

Options:
${threadsHelp}
  --help

Networks: ${workloadNames.join(', ')}
`;

async function measure(
  workload: Workload,
  { rounds, isa }: BenchOptions,
  threadCounts: readonly number[],
  part: PartProgress,
): Promise<ScalingResult> {
  const races = [];
  for (const [i, threads] of threadCounts.entries()) {
    const at = (done: number) => part.at((i + done) / threadCounts.length, `${workload.name}, ${threads} threads`);
    at(0);
    const pair = await openPair(workload, threads, isa);
    try {
      const onRound = (done: number, total: number) => at(done / total);
      const turns = [await warmTurn(pair.ours, threads), await warmTurn(pair.rival, threads)] as const;
      const [all = []] = await race(...turns, { rounds, threads, isa, onRound });
      races.push({ ...networkResult(pair, all, threads), threads });
    } finally {
      await pair.release();
    }
  }
  return scalingResult(workload.name, workload.title, races);
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readThreadsOptions(args, workloadNames);
    const threadCounts = options.threadCounts ?? usualThreadCounts(cpuInfo().threads);
    const where = origin(options.isa);
    const results = await eachWithProgress(chosenWorkloads(options.only), (workload, part) =>
      measure(workload, options, threadCounts, part),
    );
    await deliver({ kind: 'scaling', ...where, threadCounts, results }, scalingSection, options);
  },
};
