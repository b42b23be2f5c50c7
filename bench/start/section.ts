/** The results of `bench start` for people. */
import { type Ratio, ratioFigure } from '../report/figures/ratios.js';
import { type Origin, originText, threadsText } from '../report/machine.js';
import type { Section } from '../report/section.js';
import { geometricMean, median, quantile } from '../report/statistics.js';
import { type Column, milliseconds, tableOf, times } from '../report/table.js';
import type { Start, StartEngine } from './start.js';

/** Milliseconds, and bytes above those of a bare process. */
export type StartFigures = Readonly<Record<'importMs' | 'firstMs' | 'residentBytes' | 'peakBytes', number>>;

type Engines = Readonly<Record<StartEngine, Start>>;

export interface StartResult {
  readonly name: string;
  readonly title: string;
  readonly ours: StartFigures;
  readonly rival: StartFigures;
  /** Of onnxruntime over ours, round by round: median and quartiles. */
  readonly time: Omit<Ratio, 'title'>;
  readonly memory: Omit<Ratio, 'title'>;
  readonly rounds: readonly Engines[];
}

export interface StartDocument extends Origin {
  readonly kind: 'start';
  readonly threads: number;
  readonly results: readonly StartResult[];
}

/** What an engine adds to a process without one. */
function added({ none, ...engines }: Engines, engine: Exclude<StartEngine, 'none'>): StartFigures {
  const { importMs, firstMs, residentBytes, peakBytes } = engines[engine];
  return {
    importMs,
    firstMs,
    residentBytes: residentBytes - none.residentBytes,
    peakBytes: peakBytes - none.peakBytes,
  };
}

export function startResult(name: string, title: string, rounds: readonly Engines[]): StartResult {
  const ours = rounds.map((round) => added(round, 'lanewise'));
  const rival = rounds.map((round) => added(round, 'onnxruntime'));
  const medians = (starts: readonly StartFigures[]): StartFigures => {
    const of = (key: keyof StartFigures) => median(starts.map((start) => start[key]));
    return {
      importMs: of('importMs'),
      firstMs: of('firstMs'),
      residentBytes: of('residentBytes'),
      peakBytes: of('peakBytes'),
    };
  };
  const ratio = (key: keyof StartFigures): Omit<Ratio, 'title'> => {
    const ratios = ours.map((start, i) => (rival[i]?.[key] ?? Number.NaN) / start[key]);
    return { speedup: median(ratios), quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)] };
  };
  return {
    name,
    title,
    ours: medians(ours),
    rival: medians(rival),
    time: ratio('firstMs'),
    memory: ratio('residentBytes'),
    rounds,
  };
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
const both = (key: keyof StartFigures, text: (value: number) => string) => (r: StartResult) =>
  `${text(r.ours[key])} / ${text(r.rival[key])}`;

const columns: readonly Column<StartResult>[] = [
  { title: 'network', align: 'left', cell: (r) => r.title },
  { title: 'import ms', cell: both('importMs', milliseconds) },
  { title: 'load + run ms', cell: both('firstMs', milliseconds) },
  { title: 'speed', cell: ({ time }) => `${time.speedup < 1 ? 'slower ' : ''}${times(time.speedup)}` },
  { title: 'quartiles', cell: ({ time }) => time.quartiles.map(times).join('-') },
  { title: 'resident MB', cell: both('residentBytes', megabytes) },
  { title: 'memory', cell: ({ memory }) => `${memory.speedup < 1 ? 'more ' : ''}${times(memory.speedup)}` },
  { title: 'peak MB', cell: both('peakBytes', megabytes) },
  { title: 'rounds', cell: (r) => String(r.rounds.length) },
];

const figureText = {
  title: 'Cold starts beside onnxruntime',
  caption:
    'Time to the first result, and resident memory then: of onnxruntime over lanewise, median of the rounds, whiskers from the lower to the upper quartile. Right of 1 lanewise is faster or smaller.',
  axis: 'times as fast, times as small',
};

export function startSection(document: StartDocument): Section {
  const { threads, results } = document;
  const mean = (what: 'time' | 'memory') => times(geometricMean(results.map((result) => result[what].speedup)));
  const bars = results.flatMap(({ title, time, memory }) => [
    { title: `${title}: time`, ...time },
    { title: `${title}: memory`, ...memory },
  ]);
  return {
    title: `Cold starts, ${threadsText(threads)}`,
    origin: originText(document, `${threadsText(threads)} each, batch 1, lanewise / onnxruntime`, true),
    table: tableOf(columns, results),
    notes: [
      `Geometric mean of onnxruntime over lanewise: time ${mean('time')}, resident memory ${mean('memory')}.`,
      'A fresh process per engine and round; medians over rounds, ratios of onnxruntime over lanewise round by round. Load + run: from the path of the file to the first result, the engine being imported. Memory is that above a process without an engine: resident when the result is there, and the most there was until then.',
    ],
    figures: [ratioFigure(bars, figureText)],
  };
}
