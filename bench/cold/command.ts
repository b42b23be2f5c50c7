/** `bench cold`: networks whose weights are in no cache, because something else ran meanwhile. */
import { openPair, type Pair } from '../models/engines.js';
import { race } from '../models/race.js';
import { type NetworkResult, networkResult } from '../models/result.js';
import { raceSection } from '../models/section.js';
import { coldTurn, mixedTurn } from '../models/turns.js';
import { chosenWorkloads, type Workload, workloadNames } from '../models/workloads.js';
import type { BenchCommand } from '../report/command.js';
import { doneOnCores } from '../report/cores.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type CommonOptions, commonHelp, readOptions, UsageError } from '../report/options.js';
import { eachWithProgress, type PartProgress, Progress } from '../report/progress.js';

const help = `Usage: npm run bench -- cold [options]

Runs networks with lanewise and onnxruntime in turns in one process, as \`bench models\` does, but takes everything out of the
caches before each run.

Options:
  --mixed          instead, all networks one after the other, each once: each finds the caches full of the others
${commonHelp}
  --help

Networks: ${workloadNames.join(', ')}
`;

async function measureCold(workload: Workload, options: CommonOptions, part: PartProgress): Promise<NetworkResult> {
  const { threads, isa, rounds } = options;
  part.at(0, `${workload.name}: loading`);
  const pair = await openPair(workload, threads, isa);
  try {
    const onRound = (done: number, total: number) => part.at(done / total, workload.name);
    const turns = [await coldTurn(pair.ours), await coldTurn(pair.rival)] as const;
    const [all = []] = await race(...turns, { rounds, threads, isa, onRound });
    return networkResult(pair, all, threads);
  } finally {
    await pair.release();
  }
}

async function measureMixed(chosen: readonly Workload[], options: CommonOptions): Promise<NetworkResult[]> {
  const { threads, isa, rounds } = options;
  const progress = new Progress();
  const pairs: Pair[] = [];
  try {
    for (const workload of chosen) {
      progress.at(0, `${workload.name}: loading`);
      pairs.push(await openPair(workload, threads, isa));
    }
    const onRound = (done: number, total: number) => progress.at(done / total, 'rounds of all networks');
    const ours = await mixedTurn(
      pairs.map((pair) => pair.ours),
      threads,
    );
    const rival = await mixedTurn(
      pairs.map((pair) => pair.rival),
      threads,
    );
    const all = await race(ours, rival, { rounds, threads, isa, onRound });
    return pairs.map((pair, i) => networkResult(pair, all[i] ?? [], threads));
  } finally {
    progress.end();
    for (const pair of pairs) await pair.release();
  }
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, workloadNames, ['mixed']);
    const mixed = options.flags.has('mixed');
    const chosen = chosenWorkloads(options.only);
    if (mixed && chosen.length < 2) throw new UsageError('--mixed: expected two networks or more in --only');
    if (doneOnCores(options.threads)) return;
    const where = origin(options.isa);
    const results = mixed
      ? await measureMixed(chosen, options)
      : await eachWithProgress(chosen, (workload, part) => measureCold(workload, options, part));
    const kind = mixed ? 'mixed' : 'cold';
    await deliver({ kind, ...where, threads: options.threads, call: 'run', results }, raceSection, options);
  },
};
