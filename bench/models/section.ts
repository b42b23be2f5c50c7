/** The results of `bench models` and `bench cold` for people. */
import { ratioFigure } from '../report/figures/ratios.js';
import { type RooflinePoint, rooflineFigure } from '../report/figures/roofline.js';
import { originText, threadsText } from '../report/machine.js';
import type { Section } from '../report/section.js';
import { geometricMean, median } from '../report/statistics.js';
import { type Column, exponential, milliseconds, percent, tableOf, times } from '../report/table.js';
import type { OurCall } from './engines.js';
import type { NetworkResult, RaceDocument } from './result.js';

const columns: readonly Column<NetworkResult>[] = [
  { title: 'network', align: 'left', cell: (r) => r.title },
  { title: 'MMAC', cell: (r) => (r.macs / 1e6).toFixed(0) },
  { title: 'lanewise ms', cell: (r) => milliseconds(r.oursMs) },
  { title: 'onnxruntime ms', cell: (r) => milliseconds(r.rivalMs) },
  { title: 'speed', cell: (r) => `${r.speedup < 1 ? 'slower ' : ''}${times(r.speedup)}` },
  { title: 'quartiles', cell: (r) => r.quartiles.map(times).join('-') },
  { title: 'GFLOP/s', cell: (r) => ((2e-6 * r.macs) / r.oursMs).toFixed(0) },
  { title: 'of peak', cell: (r) => percent(r.oursOfPeak) },
  { title: 'onnxruntime', cell: (r) => percent(r.rivalOfPeak) },
  { title: 'max diff', cell: (r) => exponential(r.difference) },
  { title: 'rounds', cell: (r) => `${r.kept}/${r.rounds}${r.noisy ? ' noisy' : ''}` },
];

const titles: Readonly<Record<RaceDocument['kind'], string>> = {
  models: 'Networks, one at a time',
  cold: 'Networks with cold caches',
  mixed: 'Networks in turns',
};

const conditions: Readonly<Record<RaceDocument['kind'], string>> = {
  models: 'Each network runs over and over, so that its weights are where the caches have room for them.',
  cold: 'Before every run a memory of four times the last cache is swept, so that no cache holds weights.',
  mixed: 'All networks run one after the other, each once, so that each finds the caches full of the others.',
};

const calls: Readonly<Record<OurCall, string>> = {
  run: 'By `run` of either library; that of lanewise leaves the event loop free.',
  runSync: 'By `runSync` of lanewise, which holds the event loop as `run` of onnxruntime does.',
};

function notes({ kind, threads, call, isa, results }: RaceDocument): string[] {
  const slower = results.filter(({ speedup }) => speedup < 1);
  const of = (value: (result: NetworkResult) => number) => median(results.map(value)).toFixed(0);
  const shares = threads > 1 ? `; shares are of ${threads} times that` : '';
  return [
    `Geometric mean of the speeds: ${times(geometricMean(results.map(({ speedup }) => speedup)))} of onnxruntime's. ${
      slower.length === 0 ? 'No network is slower.' : `Slower: ${slower.map(({ title }) => title).join(', ')}.`
    }`,
    `${conditions[kind]} ${calls[call]} Peak of one core: ${of((r) => r.peak)} GFLOP/s (${isa}, median)${shares}. Memory: ${of((r) => r.bandwidth)} GB/s read and written by ${threadsText(threads)}.`,
    `Speed: median over rounds of onnxruntime ms / lanewise ms. Of peak: 2 x MACs / time; Winograd needs fewer multiplications than it is given credit for. Max diff: to onnxruntime without graph optimisations, relative to the largest output. Rounds: those during which the peak moved less than 5 %, of all.`,
  ];
}

const pointsOf = (results: readonly NetworkResult[]): RooflinePoint[] =>
  results.flatMap(({ title, layers = [] }) => {
    const total = layers.reduce((sum, { ms }) => sum + ms, 0);
    return layers.map((layer) => ({ ...layer, network: title, share: layer.ms / total }));
  });

export function raceSection(document: RaceDocument): Section {
  const { kind, threads, call, results } = document;
  const points = pointsOf(results);
  const roofs = {
    peak: threads * median(results.map(({ peak }) => peak)),
    bandwidth: median(results.map(({ bandwidth }) => bandwidth)),
  };
  return {
    title: `${titles[kind]}, ${threadsText(threads)}${call === 'runSync' ? ', runSync' : ''}`,
    origin: originText(document, `${threadsText(threads)} each, batch 1`, true),
    table: tableOf(columns, results),
    notes: notes(document),
    figures: [ratioFigure(results), ...(points.length > 0 ? [rooflineFigure(points, roofs)] : [])],
  };
}
