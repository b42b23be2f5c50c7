/** `bench layers`: single layers, timed inside the plan of a chain of them, against the peak of the core and onnxruntime. */
import { loadModel, type ProfileStep, tensor } from 'lanewise';
import { Tensor } from 'onnxruntime-node';
import { settle } from '../models/turns.js';
import type { BenchCommand } from '../report/command.js';
import { doneOnCores } from '../report/cores.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type CommonOptions, commonHelp, readOptions } from '../report/options.js';
import { type Probed, probed, steadyRounds } from '../report/peak.js';
import { eachWithProgress, type PartProgress } from '../report/progress.js';
import { median, quantile } from '../report/statistics.js';
import { RandomStream } from '../zoo/weights.js';
import { layerErrors } from './accuracy.js';
import { chainModel, isMeasured, type Layer, layers } from './chains.js';
import { openRivalChain } from './rival.js';
import { type LayerResult, layersSection } from './section.js';

const names = layers.map(({ name }) => name);

const help = `Usage: npm run bench -- layers [options]

Times layers inside a chain of layers, where no layout is converted, with lanewise and onnxruntime in turns, and prints a
Markdown table; beside it, the errors of both against float64.

Options:
${commonHelp}
  --help

Layers: ${names.join(', ')}
`;

async function measure(layer: Layer, options: CommonOptions, part: PartProgress): Promise<LayerResult> {
  const { rounds, threads, isa } = options;
  part.at(0, layer.name);
  const errors = await layerErrors(layer, isa);
  const onnx = chainModel(layer);
  const model = await loadModel(onnx, { threads, isa });
  try {
    const { name = '', shape = [] } = model.inputs[0] ?? {};
    const extents = shape.map(Number);
    const random = new RandomStream(1, layer.name);
    const data = Float32Array.from({ length: extents.reduce((a, b) => a * b, 1) }, () => random.normal());
    const feeds = { [name]: tensor(data, extents) };
    const rival = await openRivalChain(onnx, { [name]: new Tensor('float32', data, extents) }, threads);
    // On this thread, whose core the probes look at.
    const profile = () => model.profileSync(feeds).steps.filter((step) => isMeasured(step.name) && step.macs > 0);
    const [example] = profile();
    if (!example) throw new Error(`${layer.name}: the plan has no step of that name`);
    const ourTurn = async () => {
      await settle(threads, profile);
      profile(); // the other one's data is in the caches, and the clock takes a while to settle after the probe
      const steps = Array.from({ length: turnRuns }, profile).flat();
      return { layerMs: median(steps.map(({ ms }) => ms)), clock: median(steps.map(({ clock = 0 }) => clock)) };
    };
    const rivalTurns: { readonly begin: number; readonly end: number }[] = [];
    const rivalTurn = async () => {
      await settle(threads, () => rival.run());
      await rival.run();
      const begin = rival.runs();
      for (let run = 0; run < turnRuns; run++) await rival.run();
      rivalTurns.push({ begin, end: rival.runs() });
    };
    const ours = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(
        await probed({ isa, threads }, async () => {
          if (round % 2 === 1) await rivalTurn();
          const result = await ourTurn();
          if (round % 2 === 0) await rivalTurn();
          return result;
        }),
      );
      part.at((round + 1) / rounds, layer.name);
    }
    const rivalTimes = await rival.finish();
    const all = ours.map(({ result, ...probes }, round) => ({
      ...probes,
      result: { ...result, rivalMs: median(rivalTimes.slice(rivalTurns[round]?.begin, rivalTurns[round]?.end).flat()) },
    }));
    return { ...summary(example, all, threads), name: layer.name, errors };
  } finally {
    model.dispose();
  }
}

/** Of either engine, after one that does not count: their code and branches are as well known as in a loop. */
const turnRuns = 10;

interface LayerRound {
  readonly layerMs: number;
  readonly clock: number;
  readonly rivalMs: number;
}

function summary(
  { kernel, macs, bytes }: ProfileStep,
  all: readonly Probed<LayerRound>[],
  threads: number,
): Omit<LayerResult, 'name' | 'errors'> {
  const { kept, noisy } = steadyRounds(all);
  const gigaflops = 2e-6 * macs;
  const shares = kept.map(({ result, peak }) => gigaflops / result.layerMs / (threads * peak));
  const clocks = kept.map(({ result, clock }) => result.clock / clock);
  const ratios = kept.map(({ result }) => result.rivalMs / result.layerMs);
  const ms = median(kept.map(({ result }) => result.layerMs));
  return {
    kernel,
    macs,
    bytes,
    ms,
    rivalMs: median(kept.map(({ result }) => result.rivalMs)),
    speedup: median(ratios),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    gflops: gigaflops / ms,
    peak: median(kept.map(({ peak }) => peak)),
    bandwidth: median(kept.map(({ bandwidth }) => bandwidth)),
    ofPeak: median(shares),
    clock: median(clocks),
    perCycle: median(shares.map((share, i) => share / (clocks[i] ?? 1))),
    rounds: all.length,
    kept: kept.length,
    noisy,
  };
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, names);
    if (doneOnCores(options.threads)) return;
    const where = origin(options.isa);
    const chosen = layers.filter(({ name }) => options.only.includes(name));
    const results = await eachWithProgress(chosen, (layer, part) => measure(layer, options, part));
    await deliver({ kind: 'layers', ...where, threads: options.threads, results }, layersSection, options);
  },
};
