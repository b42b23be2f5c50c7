/** `bench start`: from a path to the first result, and the memory that takes, beside onnxruntime. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxruntimeVersion } from '../models/engines.js';
import { type Workload, workloads } from '../models/workloads.js';
import type { BenchCommand } from '../report/command.js';
import { type CommonOptions, commonHelp, readOptions, UsageError } from '../report/options.js';
import {
  type Column,
  machine,
  machineText,
  markdownTable,
  milliseconds,
  progress,
  writeJson,
} from '../report/print.js';
import { median } from '../report/statistics.js';
import { type Start, type StartEngine, type StartTask, startCold } from './start.js';

const names = workloads.map(({ name }) => name);
const engines = ['none', 'lanewise', 'onnxruntime'] as const satisfies readonly StartEngine[];

const help = `Usage: npm run bench -- start [options]

Starts a process per engine and round, which loads a network from its file and runs it once, and prints a Markdown table of
the time to that first result and of the memory the process has then. Linux alone, whose /proc/self/status is read.

Options:
${commonHelp}
  --help

Networks: ${names.join(', ')}
`;

/** Milliseconds, and bytes above those of a bare process. */
interface Figures {
  readonly importMs: number;
  readonly firstMs: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
}

interface Result {
  readonly name: string;
  readonly title: string;
  readonly ours: Figures;
  readonly rival: Figures;
  /** Ours over theirs, round by round: median. */
  readonly ratio: Figures;
  readonly rounds: readonly Readonly<Record<StartEngine, Start>>[];
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
const ratioText = (ratio: number) => `${ratio.toFixed(2)}x`;
const both = (key: keyof Figures, text: (value: number) => string) => (r: Result) =>
  `${text(r.ours[key])} / ${text(r.rival[key])}`;
const ratioOf = (key: keyof Figures) => (r: Result) => ratioText(r.ratio[key]);

const columns: readonly Column<Result>[] = [
  { title: 'network', align: 'left', cell: (r) => r.title },
  { title: 'import ms', cell: both('importMs', milliseconds) },
  { title: 'load + run ms', cell: both('firstMs', milliseconds) },
  { title: 'ratio', cell: ratioOf('firstMs') },
  { title: 'resident MB', cell: both('residentBytes', megabytes) },
  { title: 'ratio', cell: ratioOf('residentBytes') },
  { title: 'peak MB', cell: both('peakBytes', megabytes) },
  { title: 'ratio', cell: ratioOf('peakBytes') },
];

const keys = ['importMs', 'firstMs', 'residentBytes', 'peakBytes'] as const satisfies readonly (keyof Figures)[];

function figures(of: (key: keyof Figures) => number): Figures {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as unknown as Figures;
}

/** What an engine adds to a process without one. */
function added(
  { none, ...engines }: Readonly<Record<StartEngine, Start>>,
  engine: 'lanewise' | 'onnxruntime',
): Figures {
  const start = engines[engine];
  return {
    importMs: start.importMs,
    firstMs: start.firstMs,
    residentBytes: start.residentBytes - none.residentBytes,
    peakBytes: start.peakBytes - none.peakBytes,
  };
}

async function measure(
  workload: Workload,
  { rounds, threads, isa }: CommonOptions,
  folder: string,
  where: string,
): Promise<Result> {
  const { file, inputName, shape, data } = await workload.prepare();
  const inputFile = join(folder, `${workload.name}.bin`);
  writeFileSync(inputFile, data);
  const task: StartTask = { file, inputName, shape, inputFile, threads, isa };
  const startAll = (): Record<StartEngine, Start> => {
    const starts = engines.map((engine) => [engine, startCold(engine, task)] as const);
    return Object.fromEntries(starts) as Record<StartEngine, Start>;
  };
  progress(`${where}: warming up`);
  startAll(); // files are in the memory of the system from now on, for both
  const measured: Record<StartEngine, Start>[] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`${where}: round ${round + 1} of ${rounds}`);
    measured.push(startAll());
  }
  const ours = measured.map((round) => added(round, 'lanewise'));
  const rival = measured.map((round) => added(round, 'onnxruntime'));
  return {
    name: workload.name,
    title: workload.title,
    ours: figures((key) => median(ours.map((start) => start[key]))),
    rival: figures((key) => median(rival.map((start) => start[key]))),
    ratio: figures((key) => median(ours.map((start, i) => start[key] / (rival[i]?.[key] ?? Number.NaN)))),
    rounds: measured,
  };
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const options = readOptions(args, names);
    if (process.platform !== 'linux') throw new UsageError('start: needs /proc/self/status, which Linux alone has');
    const where = machine();
    const rival = `onnxruntime-node ${onnxruntimeVersion()}`;
    const threads = options.threads === 1 ? '1 thread' : `${options.threads} threads`;
    console.log(`lanewise (${options.isa}) / ${rival}, ${threads} each, batch 1. ${machineText(where)}\n`);
    const chosen = workloads.filter(({ name }) => options.only.includes(name));
    const results: Result[] = [];
    const folder = mkdtempSync(join(tmpdir(), 'lanewise-start-'));
    try {
      for (const [i, workload] of chosen.entries())
        results.push(await measure(workload, options, folder, `${i + 1}/${chosen.length} ${workload.name}`));
    } finally {
      rmSync(folder, { recursive: true });
    }
    progress('');
    console.log(markdownTable(columns, results));
    console.log(
      [
        '\nA fresh process per figure; medians over rounds, ratios round by round. Load + run: from the path of the file to the',
        'first result, the engine being imported. Memory is that above a process without an engine: resident when the result',
        'is there, and the most there was until then.',
      ].join('\n'),
    );
    writeJson(options.json, { machine: where, rival, threads: options.threads, isa: options.isa, results });
  },
};
