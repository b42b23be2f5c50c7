/** `lanewise run`: a model on files, or on made-up input. */
import { readFile } from 'node:fs/promises';
import type { Constant } from '../../graph/ir.js';
import { loadModel } from '../../model.js';
import type { Outcome } from '../command.js';
import type { EngineOptions } from '../engines/engine.js';
import { loadOptions, runModel } from '../engines/lanewise.js';
import { milliseconds, plural, shapeText, value } from '../terminal/format.js';
import type { Column, Screen } from '../terminal/screen.js';
import { UsageError } from '../usage.js';
import { type FeedOptions, randomFeeds, readFeeds } from '../values/feeds.js';
import { type Ranked, type Summary, summaryOf, topOf } from '../values/summary.js';
import { writeValue } from '../values/write.js';

interface RunOptions extends FeedOptions, EngineOptions {
  readonly random?: number;
  readonly top?: number;
  readonly labels?: string;
  readonly output?: readonly string[];
}

interface OutputReport extends Summary {
  readonly top?: readonly (readonly Ranked[])[];
  readonly file?: string;
}

/** One label a line; an empty last line is the file's end, not a label. */
async function readLabels(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '').split(/\r?\n/);
}

/** Which output goes to which file. */
function destinations(names: readonly string[], texts: readonly string[] = []): Map<string, string> {
  const files = new Map<string, string>();
  for (const text of texts) {
    const name = names.find((candidate) => text.startsWith(`${candidate}=`));
    if (name !== undefined) files.set(name, text.slice(name.length + 1));
    else if (names.length === 1) files.set(names[0]!, text);
    else throw new UsageError(`--output ${text}: the model has outputs ${names.join(', ')}, write NAME=FILE`);
  }
  return files;
}

const outputColumns: readonly Column<OutputReport>[] = [
  { title: 'output', elastic: 'cut', cell: ({ name }) => name },
  { title: 'type', cell: ({ type }) => type },
  { title: 'shape', cell: ({ shape }) => shapeText(shape) },
  { title: 'min', align: 'right', cell: ({ min }) => (min === null ? '' : value(min)) },
  { title: 'max', align: 'right', cell: ({ max }) => (max === null ? '' : value(max)) },
  { title: 'mean', align: 'right', cell: ({ mean }) => (mean === null ? '' : value(mean)) },
];

const topColumns: readonly Column<Ranked>[] = [
  { title: 'index', align: 'right', cell: ({ index }) => String(index) },
  { title: 'value', align: 'right', cell: (ranked) => value(ranked.value) },
  { title: 'label', cell: ({ label }) => label ?? '' },
];

/** Rows of a batch, or steps of a sequence, shown on a screen; `--json` has them all. */
const mostRows = 8;

function printTop(screen: Screen, { name, top }: OutputReport): void {
  if (!top) return;
  const columns = topColumns.filter(({ title }) => title !== 'label' || top.flat().some(({ label }) => label));
  for (const [row, ranked] of top.slice(0, mostRows).entries()) {
    screen.heading(top.length === 1 ? `Largest of ${name}` : `Largest of ${name}, row ${row}`);
    screen.table(columns, ranked);
  }
  if (top.length > mostRows) screen.note(`  ${plural(top.length - mostRows, 'more row')}; --json has them all`);
}

export async function run([path, inputs]: readonly unknown[], options: RunOptions): Promise<Outcome> {
  const texts = inputs as readonly string[];
  if (options.random !== undefined && texts.length > 0)
    throw new UsageError('--random and input files exclude each other');
  if (options.labels !== undefined && options.top === undefined) throw new UsageError('--labels needs --top');
  const labels = options.labels === undefined ? undefined : await readLabels(options.labels);
  const model = await loadModel(path as string, loadOptions(options));
  if (texts.length === 0 && options.random === undefined) {
    const ports = model.inputs.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(', ');
    throw new UsageError(`expected a file for each input (${ports}), or --random`);
  }
  const files = destinations(
    model.outputs.map(({ name }) => name),
    options.output,
  );
  const feeds =
    options.random === undefined
      ? await readFeeds(model.inputs, texts, options)
      : randomFeeds(model.inputs, { ...options, seed: options.random });
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  model.report(shapes); // compiles, so that the time below is that of a run
  const begun = performance.now();
  const results = await runModel(model, feeds);
  const ms = performance.now() - begun;
  model.dispose();

  for (const [name, file] of files) await writeValue(file, results.get(name)!);
  const outputs: OutputReport[] = [...results].map(([name, result]: [string, Constant]) => {
    const file = files.get(name);
    return {
      ...summaryOf(name, result),
      ...(options.top !== undefined && { top: topOf(result, options.top, labels) }),
      ...(file !== undefined && { file }),
    };
  });
  return {
    document: { file: path, inputs: shapes, ms, outputs },
    print(screen) {
      screen.table(outputColumns, outputs);
      for (const output of outputs) printTop(screen, output);
      if (options.top === undefined) {
        screen.line();
        for (const { name, first } of outputs) screen.line(`  ${name}: ${first.map(value).join(', ')}, ...`);
      }
      screen.line();
      for (const [name, file] of files) screen.line(`  ${name} written to ${file}`);
      screen.note(`  ${milliseconds(ms)} ms, the first run; lanewise bench measures`);
    },
  };
}
