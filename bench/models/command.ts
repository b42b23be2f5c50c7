/** `bench models`: time, share of the peak and agreement of whole networks, beside onnxruntime. */
import type { BenchCommand } from '../report/command.js';
import { type CommonOptions, commonHelp, readOptions } from '../report/options.js';
import { steadyRounds } from '../report/peak.js';
import {
  type Column,
  machine,
  machineText,
  markdownTable,
  milliseconds,
  percent,
  progress,
  writeJson,
} from '../report/print.js';
import { geometricMean, median, quantile } from '../report/statistics.js';
import { onnxruntimeVersion, openLanewise, openOnnxruntime } from './engines.js';
import { largestDifference, race } from './race.js';
import { type Workload, workloads } from './workloads.js';

const names = workloads.map(({ name }) => name);

const help = `Usage: npm run bench -- models [options]

Runs networks with lanewise and onnxruntime in turns in one process and prints a Markdown table.

Options:
${commonHelp}
  --help

Networks: ${names.join(', ')}
`;

interface Result {
  readonly name: string;
  readonly title: string;
  readonly macs: number;
  readonly rounds: number;
  readonly kept: number;
  readonly noisy: boolean;
  readonly oursMs: number;
  readonly rivalMs: number;
  /** Time of onnxruntime over ours, round by round: median and quartiles. */
  readonly speedup: number;
  readonly quartiles: readonly [number, number];
  readonly oursOfPeak: number;
  readonly rivalOfPeak: number;
  /** GFLOP/s of one core. */
  readonly peak: number;
  readonly difference: number;
  readonly measurements: readonly {
    readonly ours: number;
    readonly rival: number;
    readonly peak: number;
    readonly steady: boolean;
  }[];
}

const times = (ratio: number) => `${ratio.toFixed(2)}x`;

const columns: readonly Column<Result>[] = [
  { title: 'network', align: 'left', cell: (r) => r.title },
  { title: 'MMAC', cell: (r) => (r.macs / 1e6).toFixed(0) },
  { title: 'lanewise ms', cell: (r) => milliseconds(r.oursMs) },
  { title: 'onnxruntime ms', cell: (r) => milliseconds(r.rivalMs) },
  { title: 'speed', cell: (r) => `${r.speedup < 1 ? 'slower ' : ''}${times(r.speedup)}` },
  { title: 'quartiles', cell: (r) => r.quartiles.map(times).join('-') },
  { title: 'of peak', cell: (r) => percent(r.oursOfPeak) },
  { title: 'onnxruntime', cell: (r) => percent(r.rivalOfPeak) },
  { title: 'max diff', cell: (r) => r.difference.toExponential(1) },
  { title: 'rounds', cell: (r) => `${r.kept}/${r.rounds}${r.noisy ? ' noisy' : ''}` },
];

async function measure(workload: Workload, { rounds, threads, isa }: CommonOptions, where: string): Promise<Result> {
  progress(`${where}: loading`);
  const prepared = await workload.prepare();
  const ours = await openLanewise(prepared, threads, isa);
  const plain = await openOnnxruntime(prepared, threads, 'disabled');
  const difference = largestDifference(await ours.run(), await plain.run());
  await plain.release();
  const rival = await openOnnxruntime(prepared, threads, 'all');
  try {
    const onRound = (done: number, total: number) => progress(`${where}: round ${done} of ${total}`);
    const all = await race(ours, rival, { rounds, threads, isa, onRound });
    const { kept, noisy } = steadyRounds(all);
    const ratios = kept.map(({ result }) => result.rival / result.ours);
    const gigaflops = 2e-6 * ours.macs;
    return {
      name: workload.name,
      title: workload.title,
      macs: ours.macs,
      rounds: all.length,
      kept: kept.length,
      noisy,
      oursMs: median(kept.map(({ result }) => result.ours)),
      rivalMs: median(kept.map(({ result }) => result.rival)),
      speedup: median(ratios),
      quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      oursOfPeak: median(kept.map(({ result, peak }) => gigaflops / result.ours / (threads * peak))),
      rivalOfPeak: median(kept.map(({ result, peak }) => gigaflops / result.rival / (threads * peak))),
      peak: median(kept.map(({ peak }) => peak)),
      difference,
      measurements: all.map(({ result, peak, steady }) => ({ ...result, peak, steady })),
    };
  } finally {
    await ours.release();
    await rival.release();
  }
}

function summary(results: readonly Result[], { threads, isa }: CommonOptions): string {
  const slower = results.filter(({ speedup }) => speedup < 1);
  const peak = median(results.map((result) => result.peak));
  return [
    `Geometric mean of the speeds: ${times(geometricMean(results.map(({ speedup }) => speedup)))} of onnxruntime's.`,
    slower.length === 0 ? 'No network is slower.' : `Slower: ${slower.map(({ title }) => title).join(', ')}.`,
    `Peak of one core: ${peak.toFixed(0)} GFLOP/s (${isa}, median)${threads > 1 ? `; shares are of ${threads} times that` : ''}.`,
    'Speed: median over rounds of onnxruntime ms / lanewise ms. Of peak: 2 x MACs / time; Winograd needs fewer',
    'multiplications than it is given credit for. Max diff: to onnxruntime without graph optimisations, relative to the',
    'largest output. Rounds: those during which the peak moved less than 5 %, of all.',
  ].join('\n');
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, names);
    const where = machine();
    const rival = `onnxruntime-node ${onnxruntimeVersion()}`;
    const threads = options.threads === 1 ? '1 thread' : `${options.threads} threads`;
    console.log(`lanewise (${options.isa}) and ${rival}, ${threads} each, batch 1. ${machineText(where)}\n`);
    const chosen = workloads.filter(({ name }) => options.only.includes(name));
    const results: Result[] = [];
    for (const [i, workload] of chosen.entries()) {
      results.push(await measure(workload, options, `${i + 1}/${chosen.length} ${workload.name}`));
    }
    progress('');
    console.log(markdownTable(columns, results));
    console.log(`\n${summary(results, options)}`);
    writeJson(options.json, { machine: where, rival, threads: options.threads, isa: options.isa, results });
  },
};
