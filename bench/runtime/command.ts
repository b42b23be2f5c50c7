/** `bench runtime`: what a server feels: the event loop while a network loads and runs, and how fast an abort works. */
import { readFile } from 'node:fs/promises';
import { loadModel, type Model, tensor } from 'lanewise';
import { chosenWorkloads, type Workload, workloadNames } from '../models/workloads.js';
import type { BenchCommand } from '../report/command.js';
import { deliver } from '../report/deliver.js';
import { origin } from '../report/machine.js';
import { type CommonOptions, commonHelp, readOptions } from '../report/options.js';
import { eachWithProgress, type PartProgress } from '../report/progress.js';
import { quantile } from '../report/statistics.js';
import { abortLatency } from './abort.js';
import { loopDelayDuring } from './event-loop.js';
import { type RuntimeResult, runtimeSection } from './section.js';

const usual = ['resnet-50'];

const help = `Usage: npm run bench -- runtime [options]

Measures the delay of the event loop while a network loads and runs, and the latency of aborts. A round is one load from a
path, one from bytes, 50 runs and 20 aborts.

Options:
${commonHelp.replace('these alone', `networks; default: ${usual.join(',')}`)}
  --help

Networks: ${workloadNames.join(', ')}
`;

const runsPerRound = 50;
const abortsPerRound = 20;

/** The median over rounds of the p99, and the worst of all maxima. */
function delayOf(network: string, what: string, rounds: readonly { p99Ms: number; maxMs: number }[]): RuntimeResult {
  const p99 = quantile(
    rounds.map(({ p99Ms }) => p99Ms),
    0.5,
  );
  return { network, what, p99, max: Math.max(...rounds.map(({ maxMs }) => maxMs)) };
}

const latencyOf = (network: string, what: string, latencies: readonly number[]): RuntimeResult => ({
  network,
  what,
  p99: quantile(latencies, 0.99),
  max: Math.max(...latencies),
});

async function measure(
  workload: Workload,
  { rounds, threads, isa }: CommonOptions,
  part: PartProgress,
): Promise<RuntimeResult[]> {
  const { file, inputName, shape, data } = await workload.prepare();
  const bytes = await readFile(file);
  const options = { threads, isa, inputShapes: { [inputName]: shape } };
  const feeds = { [inputName]: tensor(data, shape) };
  const delays = { idle: [], fromPath: [], fromBytes: [], running: [] } as Record<
    'idle' | 'fromPath' | 'fromBytes' | 'running',
    { p99Ms: number; maxMs: number }[]
  >;
  const disposed: number[] = [];
  const rejected: number[] = [];
  const stopped: number[] = [];
  for (let round = 0; round < rounds; round++) {
    part.at(round / rounds, workload.name);
    delays.idle.push(await loopDelayDuring(() => new Promise((resolve) => setTimeout(resolve, 500))));
    let model: Model | undefined;
    const load = (source: string | Uint8Array) => async () => {
      model = await loadModel(source, options);
    };
    const dispose = () => {
      const start = performance.now();
      model?.dispose();
      disposed.push(performance.now() - start);
    };
    delays.fromPath.push(await loopDelayDuring(load(file)));
    dispose();
    delays.fromBytes.push(await loopDelayDuring(load(bytes)));
    if (!model) throw new Error('no model was loaded');
    const start = performance.now();
    delays.running.push(
      await loopDelayDuring(async () => {
        for (let i = 0; i < runsPerRound; i++) await model?.run(feeds);
      }),
    );
    const runMs = (performance.now() - start) / runsPerRound;
    for (let i = 0; i < abortsPerRound; i++) {
      const latency = await abortLatency(model, feeds, (runMs * i) / abortsPerRound);
      if (!latency) continue;
      rejected.push(latency.rejectedMs);
      stopped.push(latency.stoppedMs);
    }
    dispose();
  }
  const { name } = workload;
  return [
    delayOf(name, 'event loop, nothing happens', delays.idle),
    delayOf(name, 'event loop while loading from a path', delays.fromPath),
    delayOf(name, 'event loop while loading from bytes', delays.fromBytes),
    delayOf(name, 'event loop while running', delays.running),
    latencyOf(name, 'dispose, which gives its memory back', disposed),
    latencyOf(name, 'abort to rejection', rejected),
    latencyOf(name, 'abort until its threads are free', stopped),
  ];
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, workloadNames);
    const chosen = chosenWorkloads(args.some((arg) => arg.startsWith('--only')) ? options.only : usual);
    const where = origin(options.isa);
    const results = await eachWithProgress(chosen, (workload, part) => measure(workload, options, part));
    await deliver(
      { kind: 'runtime', ...where, threads: options.threads, results: results.flat() },
      runtimeSection,
      options,
    );
  },
};
