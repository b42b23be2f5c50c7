/** `bench models`: time, share of the peak and agreement of whole networks, beside onnxruntime. */
import type { BenchCommand } from '../report/command.js';
import { doneOnCores } from '../report/cores.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type CommonOptions, commonHelp, readOptions } from '../report/options.js';
import { eachWithProgress, type PartProgress } from '../report/progress.js';
import { type OurCall, openPair } from './engines.js';
import { layerTimes } from './layers.js';
import { race } from './race.js';
import { type NetworkResult, networkResult } from './result.js';
import { raceSection } from './section.js';
import { warmTurn } from './turns.js';
import { chosenWorkloads, type Workload, workloadNames } from './workloads.js';

const help = `Usage: npm run bench -- models [options]

Runs networks with lanewise and onnxruntime in turns in one process and prints a Markdown table.

Options:
  --sync           lanewise by runSync, which holds the event loop as onnxruntime does; default: run
${commonHelp}
  --help

Networks: ${workloadNames.join(', ')}
`;

async function measure(
  workload: Workload,
  call: OurCall,
  options: CommonOptions,
  part: PartProgress,
): Promise<NetworkResult> {
  const { threads, isa, rounds } = options;
  part.at(0, `${workload.name}: loading`);
  const pair = await openPair(workload, threads, isa, call);
  try {
    const onRound = (done: number, total: number) => part.at(done / total, workload.name);
    const turns = [await warmTurn(pair.ours, threads), await warmTurn(pair.rival, threads)] as const;
    const [all = []] = await race(...turns, { rounds, threads, isa, onRound });
    return { ...networkResult(pair, all, threads), layers: layerTimes(pair.ours.profile) };
  } finally {
    await pair.release();
  }
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, workloadNames, ['sync']);
    const call = options.flags.has('sync') ? 'runSync' : 'run';
    if (doneOnCores(options.threads)) return;
    const where = origin(options.isa);
    const results = await eachWithProgress(chosenWorkloads(options.only), (workload, part) =>
      measure(workload, call, options, part),
    );
    await deliver({ kind: 'models', ...where, threads: options.threads, call, results }, raceSection, options);
  },
};
