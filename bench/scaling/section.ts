/** The results of `bench scaling` for people. */
import type { NetworkResult } from '../models/result.js';
import { scalingFigure } from '../report/figures/scaling.js';
import { type Origin, originText } from '../report/machine.js';
import type { Section } from '../report/section.js';
import { geometricMean } from '../report/statistics.js';
import { type Column, milliseconds, percent, tableOf, times } from '../report/table.js';

/** A network with one number of threads. */
export interface ScalingPoint extends Omit<NetworkResult, 'layers'> {
  readonly threads: number;
  /** How many times as fast as with the first number of threads. */
  readonly oursGain: number;
  readonly rivalGain: number;
}

export interface ScalingResult {
  readonly name: string;
  readonly title: string;
  readonly points: readonly ScalingPoint[];
}

export interface ScalingDocument extends Origin {
  readonly kind: 'scaling';
  readonly threadCounts: readonly number[];
  readonly results: readonly ScalingResult[];
}

/** One network with all its numbers of threads, first number first. */
export function scalingResult(
  name: string,
  title: string,
  races: readonly (NetworkResult & { readonly threads: number })[],
): ScalingResult {
  const [first] = races;
  const points = races.map((race) => ({
    ...race,
    oursGain: (first?.oursMs ?? Number.NaN) / race.oursMs,
    rivalGain: (first?.rivalMs ?? Number.NaN) / race.rivalMs,
  }));
  return { name, title, points };
}

const columns: readonly Column<ScalingPoint>[] = [
  { title: 'network', align: 'left', cell: (p) => p.title },
  { title: 'threads', cell: (p) => String(p.threads) },
  { title: 'lanewise ms', cell: (p) => milliseconds(p.oursMs) },
  { title: 'speed-up', cell: (p) => times(p.oursGain) },
  { title: 'onnxruntime ms', cell: (p) => milliseconds(p.rivalMs) },
  { title: 'speed-up', cell: (p) => times(p.rivalGain) },
  { title: 'speed', cell: (p) => `${p.speedup < 1 ? 'slower ' : ''}${times(p.speedup)}` },
  { title: 'quartiles', cell: (p) => p.quartiles.map(times).join('-') },
  { title: 'of peak', cell: (p) => percent(p.oursOfPeak) },
  { title: 'rounds', cell: (p) => `${p.kept}/${p.rounds}${p.noisy ? ' noisy' : ''}` },
];

export function scalingSection(document: ScalingDocument): Section {
  const { threadCounts, results } = document;
  const [first = 1] = threadCounts;
  const last = threadCounts.at(-1) ?? first;
  const mean = (gain: 'oursGain' | 'rivalGain') =>
    times(geometricMean(results.map(({ points }) => points.at(-1)?.[gain] ?? Number.NaN)));
  return {
    title: `Networks with ${threadCounts.join(', ')} threads`,
    origin: originText(document, 'batch 1', true),
    table: tableOf(
      columns,
      results.flatMap(({ points }) => points),
    ),
    notes: [
      `Geometric mean of the speed-ups from ${first} to ${last}: lanewise ${mean('oursGain')}, onnxruntime ${mean('rivalGain')}.`,
      'Speed-up: median ms with the fewest threads / median ms, of the same engine. Speed: median over rounds of onnxruntime ms / lanewise ms with the same number of threads. Of peak: of all threads together.',
    ],
    figures: [scalingFigure(results)],
  };
}
