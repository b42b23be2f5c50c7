/** `bench layers`: single layers, timed inside the plan of a chain of them, against the peak of the core. */
import { loadModel, tensor } from 'lanewise';
import type { BenchCommand } from '../report/command.js';
import { type CommonOptions, commonHelp, readOptions } from '../report/options.js';
import { probed, steadyRounds } from '../report/peak.js';
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
import { median, quantile } from '../report/statistics.js';
import { RandomStream } from '../zoo/weights.js';
import { chainModel, isMeasured, type Layer, layers } from './chains.js';

const names = layers.map(({ name }) => name);

const help = `Usage: npm run bench -- layers [options]

Times layers inside a chain of layers, where no layout is converted, and prints a Markdown table.

Options:
${commonHelp}
  --help

Layers: ${names.join(', ')}
`;

interface Result {
  readonly name: string;
  readonly kernel: string;
  readonly macs: number;
  readonly ms: number;
  readonly gflops: number;
  readonly peak: number;
  readonly ofPeak: number;
  /** The clock behind the layer, as a share of the clock of the probe. */
  readonly clock: number;
  /** Multiply-adds per cycle, as a share of the most that a cycle can do. */
  readonly perCycle: number;
  readonly quartiles: readonly [number, number];
  readonly rounds: number;
  readonly kept: number;
  readonly noisy: boolean;
}

const columns: readonly Column<Result>[] = [
  { title: 'layer', align: 'left', cell: (r) => r.name },
  { title: 'kernel', align: 'left', cell: (r) => r.kernel },
  { title: 'MMAC', cell: (r) => (r.macs / 1e6).toFixed(1) },
  { title: 'ms', cell: (r) => milliseconds(r.ms) },
  { title: 'GFLOP/s', cell: (r) => r.gflops.toFixed(0) },
  { title: 'of peak', cell: (r) => percent(r.ofPeak) },
  { title: 'clock', cell: (r) => percent(r.clock) },
  { title: 'per cycle', cell: (r) => percent(r.perCycle) },
  { title: 'quartiles', cell: (r) => r.quartiles.map(percent).join(' - ') },
  { title: 'rounds', cell: (r) => `${r.kept}/${r.rounds}${r.noisy ? ' noisy' : ''}` },
];

async function measure(layer: Layer, { rounds, threads, isa }: CommonOptions, where: string): Promise<Result> {
  progress(where);
  const model = await loadModel(chainModel(layer), { threads, isa });
  try {
    const { name = '', shape = [] } = model.inputs[0] ?? {};
    const extents = shape.map(Number);
    const random = new RandomStream(1, layer.name);
    const data = Float32Array.from({ length: extents.reduce((a, b) => a * b, 1) }, () => random.normal());
    const feeds = { [name]: tensor(data, extents) };
    // On this thread, whose core the probes look at.
    const profile = () => model.profileSync(feeds).steps.filter((step) => isMeasured(step.name) && step.macs > 0);
    const [example] = profile();
    if (!example) throw new Error(`${layer.name}: the plan has no step of that name`);
    const all = [];
    for (let round = 0; round < rounds; round++) {
      all.push(
        await probed(isa, async () => {
          profile(); // the clock takes a while to settle after the probe
          const steps = profile();
          return { layerMs: median(steps.map(({ ms }) => ms)), clock: median(steps.map(({ clock = 0 }) => clock)) };
        }),
      );
      progress(`${where}: round ${round + 1} of ${rounds}`);
    }
    const { kept, noisy } = steadyRounds(all);
    const gigaflops = 2e-6 * example.macs;
    const shares = kept.map(({ result, peak }) => gigaflops / result.layerMs / (threads * peak));
    const clocks = kept.map(({ result, clock }) => result.clock / clock);
    const ms = median(kept.map(({ result }) => result.layerMs));
    return {
      name: layer.name,
      kernel: example.kernel,
      macs: example.macs,
      ms,
      gflops: gigaflops / ms,
      peak: median(kept.map(({ peak }) => peak)),
      ofPeak: median(shares),
      clock: median(clocks),
      perCycle: median(shares.map((share, i) => share / (clocks[i] ?? 1))),
      quartiles: [quantile(shares, 0.25), quantile(shares, 0.75)],
      rounds: all.length,
      kept: kept.length,
      noisy,
    };
  } finally {
    model.dispose();
  }
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, names);
    const where = machine();
    console.log(`lanewise (${options.isa}), ${options.threads} thread(s), batch 1. ${machineText(where)}\n`);
    const chosen = layers.filter(({ name }) => options.only.includes(name));
    const results: Result[] = [];
    for (const [i, layer] of chosen.entries())
      results.push(await measure(layer, options, `${i + 1}/${chosen.length} ${layer.name}`));
    progress('');
    console.log(markdownTable(columns, results));
    const peak = median(results.map((result) => result.peak));
    console.log(
      `\nPeak of one core: ${peak.toFixed(0)} GFLOP/s (median). "clock" is the clock behind the layer over the clock of that probe, which
loads nothing: processors slow down under dense vector code. Winograd needs fewer multiplications than it is given credit for.`,
    );
    writeJson(options.json, { machine: where, threads: options.threads, isa: options.isa, results });
  },
};
