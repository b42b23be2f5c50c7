/** The results of `bench layers` for people. */
import { ratioFigure } from '../report/figures/ratios.js';
import { rooflineFigure } from '../report/figures/roofline.js';
import { type Origin, originText, threadsText } from '../report/machine.js';
import type { Section } from '../report/section.js';
import { median } from '../report/statistics.js';
import { type Column, exponential, milliseconds, percent, tableOf, times } from '../report/table.js';
import type { LayerErrors } from './accuracy.js';

export interface LayerResult {
  readonly name: string;
  readonly kernel: string;
  readonly macs: number;
  /** Of weights, activations in and activations out, each once. */
  readonly bytes: number;
  readonly ms: number;
  readonly rivalMs: number;
  /** Time of onnxruntime over ours, round by round: median and quartiles. */
  readonly speedup: number;
  readonly quartiles: readonly [number, number];
  readonly gflops: number;
  /** GFLOP/s of one core. */
  readonly peak: number;
  /** GB/s of all threads. */
  readonly bandwidth: number;
  readonly ofPeak: number;
  /** The clock behind the layer, as a share of the clock of the probe. */
  readonly clock: number;
  /** Multiply-adds per cycle, as a share of the most that a cycle can do. */
  readonly perCycle: number;
  readonly rounds: number;
  readonly kept: number;
  readonly noisy: boolean;
  readonly errors: LayerErrors;
}

export interface LayersDocument extends Origin {
  readonly kind: 'layers';
  readonly threads: number;
  readonly results: readonly LayerResult[];
}

const columns: readonly Column<LayerResult>[] = [
  { title: 'layer', align: 'left', cell: (r) => r.name },
  { title: 'kernel', align: 'left', cell: (r) => r.kernel },
  { title: 'MMAC', cell: (r) => (r.macs / 1e6).toFixed(1) },
  { title: 'MB', cell: (r) => (r.bytes / 1e6).toFixed(2) },
  { title: 'ms', cell: (r) => milliseconds(r.ms) },
  { title: 'GFLOP/s', cell: (r) => r.gflops.toFixed(0) },
  { title: 'of peak', cell: (r) => percent(r.ofPeak) },
  { title: 'clock', cell: (r) => percent(r.clock) },
  { title: 'per cycle', cell: (r) => percent(r.perCycle) },
  { title: 'onnxruntime', cell: (r) => milliseconds(r.rivalMs) },
  {
    title: 'speed',
    cell: ({ speedup, quartiles: [low, high] }) => `${times(speedup)} (${low.toFixed(2)}-${high.toFixed(2)})`,
  },
  { title: 'max error', cell: ({ errors }) => `${exponential(errors.ours.max)} (${exponential(errors.rival.max)})` },
  { title: 'rms error', cell: ({ errors }) => `${exponential(errors.ours.rms)} (${exponential(errors.rival.rms)})` },
  { title: 'rounds', cell: (r) => `${r.kept}/${r.rounds}${r.noisy ? ' noisy' : ''}` },
];

export function layersSection(document: LayersDocument): Section {
  const { threads, results } = document;
  const peak = median(results.map((result) => result.peak));
  const bandwidth = median(results.map((result) => result.bandwidth));
  const points = results.map((result) => ({ ...result, network: result.name, op: 'conv2d' }));
  return {
    title: `Layers in chains, ${threadsText(threads)}`,
    origin: originText(document, `${threadsText(threads)} each, batch 1`, true),
    table: tableOf(columns, results),
    notes: [
      `Peak of one core: ${peak.toFixed(0)} GFLOP/s (median). Memory: ${bandwidth.toFixed(0)} GB/s read and written. "clock" is the clock behind the layer over the clock of that probe, which loads nothing: processors slow down under dense vector code. Winograd needs fewer multiplications than it is given credit for. MB: weights, activations in and activations out, once each.`,
      'Speed: median over rounds of onnxruntime ms / lanewise ms, with quartiles; of onnxruntime by its own profiler, in a chain of the same layers, without its conversions of layout.',
      'Errors: of 64 outputs of the layer against float64, relative to its largest output; in brackets those of onnxruntime.',
    ],
    figures: [
      ratioFigure(results.map((result) => ({ ...result, title: result.name }))),
      rooflineFigure(points, { peak: threads * peak, bandwidth }),
    ],
  };
}
