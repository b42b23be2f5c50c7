/** `lanewise bench`: how long a run takes, beside onnxruntime where that is installed. */
import type { Model } from '../../model.js';
import { loadModel } from '../../model.js';
import type { Outcome } from '../command.js';
import type { Engine, EngineOptions } from '../engines/engine.js';
import { loadOptions, runModel } from '../engines/lanewise.js';
import { onnxruntime, openOnnxruntime } from '../engines/onnxruntime.js';
import { type Latency, race } from '../engines/race.js';
import { profileModel, stepColumns, topSteps } from '../profile/steps.js';
import { count, milliseconds, plural, shapeText } from '../terminal/format.js';
import type { Column } from '../terminal/screen.js';
import { type FeedOptions, feedsFor } from '../values/feeds.js';
import { versionOf } from '../values/optional.js';

interface BenchOptions extends FeedOptions, EngineOptions {
  readonly warmup: number;
  readonly runs?: number;
  readonly seconds: number;
  readonly layers?: number;
  /** commander's form of `--no-onnxruntime` */
  readonly onnxruntime: boolean;
}

const columns: readonly Column<Latency>[] = [
  { title: 'engine', cell: ({ engine }) => engine },
  { title: 'runs', align: 'right', cell: ({ runs }) => String(runs) },
  { title: 'p50 ms', align: 'right', cell: ({ p50 }) => milliseconds(p50) },
  { title: 'p90 ms', align: 'right', cell: ({ p90 }) => milliseconds(p90) },
  { title: 'p99 ms', align: 'right', cell: ({ p99 }) => milliseconds(p99) },
  { title: 'min ms', align: 'right', cell: ({ min }) => milliseconds(min) },
  { title: 'runs/s', align: 'right', cell: ({ throughput }) => throughput.toFixed(throughput < 100 ? 1 : 0) },
];

const asEngine = (model: Model): Engine => ({
  name: 'lanewise',
  run: (feeds) => runModel(model, feeds),
  close: async () => model.dispose(),
});

export async function run([path, inputs]: readonly unknown[], options: BenchOptions): Promise<Outcome> {
  const file = path as string;
  const model = await loadModel(file, loadOptions(options));
  const feeds = await feedsFor(model.inputs, inputs as readonly string[], options);
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const report = model.report(shapes);
  const engines = [asEngine(model)];
  let rival: string | undefined;
  if (options.onnxruntime && (await onnxruntime())) {
    rival = `onnxruntime-node ${versionOf('onnxruntime-node')}`;
    engines.push(await openOnnxruntime(file, { threads: report.threads }, 'all'));
  }
  const latencies = await race(engines, feeds, options);
  const profile = options.layers === undefined ? undefined : await profileModel(model, feeds, 10);
  for (const engine of engines) await engine.close();

  const [ours, theirs] = latencies;
  const speed = theirs ? theirs.p50 / ours!.p50 : undefined;
  const batch = Object.values(shapes)[0]?.[0] ?? 1;
  return {
    document: {
      file,
      inputs: shapes,
      isa: report.isa,
      threads: report.threads,
      macs: report.macs,
      rival: rival ?? null,
      latencies,
      ...(speed !== undefined && { speed }),
      ...(profile && { layers: topSteps(profile.steps, options.layers!) }),
    },
    print(screen) {
      const inputText = Object.entries(shapes).map(([name, shape]) => `${name} ${shapeText(shape)}`);
      screen.line(
        `  ${inputText.join(', ')}; ${count(report.macs)} MACs; ${report.isa}, ${plural(report.threads, 'thread')}`,
      );
      screen.table(columns, latencies);
      const gflops = (2e-6 * report.macs) / ours!.p50;
      const rate = batch > 1 ? `, ${(batch * ours!.throughput).toFixed(1)} images/s` : '';
      screen.line(`  lanewise: ${gflops.toFixed(1)} GFLOP/s${rate}`);
      if (speed !== undefined)
        screen.line(`  ${rival}, same threads, in turns: lanewise is ${speed.toFixed(2)}x as fast`);
      else if (options.onnxruntime) screen.note('  onnxruntime-node is not installed: nothing to compare with');
      if (!profile) return;
      screen.heading(`Most expensive of ${plural(profile.steps.length, 'step')}`);
      screen.table(stepColumns, topSteps(profile.steps, options.layers!));
    },
  };
}
