/** `lanewise compare`: how far two ways to compute the same are apart. */
import { readFile } from 'node:fs/promises';
import type { Isa } from '../../native.js';
import type { Outcome } from '../command.js';
import { type Difference, differenceOf } from '../compare/difference.js';
import { survivingValues, withOutputs } from '../compare/expose.js';
import type { Engine, EngineName, Values } from '../engines/engine.js';
import { openLanewise } from '../engines/lanewise.js';
import { openOnnxruntime } from '../engines/onnxruntime.js';
import { readModelFile } from '../inspect/file.js';
import { error, plural, shapeText } from '../terminal/format.js';
import type { Column } from '../terminal/screen.js';
import { CommandError, UsageError } from '../usage.js';
import { type FeedOptions, type Feeds, feedsFor } from '../values/feeds.js';

interface CompareOptions extends FeedOptions {
  readonly input?: readonly string[];
  readonly engine?: readonly EngineName[];
  readonly isa?: readonly Isa[];
  readonly numerics?: readonly ('fast' | 'strict')[];
  readonly threads?: number;
  readonly layers?: boolean;
  readonly tolerance?: number;
}

interface Side {
  readonly path: string;
  readonly engine: EngineName;
  readonly isa: Isa | undefined;
  readonly numerics: 'fast' | 'strict' | undefined;
}

function sidesOf(a: string, b: string | undefined, options: CompareOptions): readonly [Side, Side] {
  const { isa, numerics } = options;
  // One model with nothing else to tell the sides apart meets the other engine.
  const alone = b === undefined && isa === undefined && numerics === undefined;
  const engines = options.engine ?? (alone ? (['lanewise', 'onnxruntime'] as const) : (['lanewise'] as const));
  const of = <T>(values: readonly T[] | undefined, index: number): T | undefined => values?.[index] ?? values?.[0];
  const sides = [a, b ?? a].map((path, i): Side => {
    return { path, engine: of(engines, i)!, isa: of(isa, i), numerics: of(numerics, i) };
  });
  return sides as [Side, Side];
}

const describeSide = ({ path, engine, isa, numerics }: Side): string =>
  [path, engine, isa, numerics].filter((part) => part !== undefined).join(', ');

function openSide(
  { engine, isa, numerics }: Side,
  model: string | Uint8Array,
  threads: number | undefined,
): Promise<Engine> {
  const options = {
    ...(threads !== undefined && { threads }),
    ...(isa !== undefined && { isa }),
    ...(numerics !== undefined && { numerics }),
  };
  return engine === 'lanewise' ? openLanewise(model, options) : openOnnxruntime(model, options, 'disabled');
}

async function valuesOf(
  side: Side,
  model: string | Uint8Array,
  feeds: Feeds,
  threads: number | undefined,
): Promise<Values> {
  const engine = await openSide(side, model, threads);
  try {
    return await engine.run(feeds);
  } finally {
    await engine.close();
  }
}

const columns = (title: string): readonly Column<Difference>[] => [
  { title, elastic: 'cut', cell: ({ name }) => name },
  { title: 'shape', cell: ({ shape }) => shapeText(shape) },
  { title: 'max abs', align: 'right', cell: ({ maxAbs, problem }) => problem ?? error(maxAbs) },
  { title: 'max rel', align: 'right', cell: ({ maxRel, problem }) => (problem ? '' : error(maxRel)) },
  { title: 'cosine', align: 'right', cell: ({ cosine, problem }) => (problem ? '' : cosine.toFixed(9)) },
];

export async function run([a, b]: readonly unknown[], options: CompareOptions): Promise<Outcome> {
  const sides = sidesOf(a as string, b as string | undefined, options);
  const [first, second] = sides;
  const same = first.engine === second.engine && first.isa === second.isa && first.numerics === second.numerics;
  if (first.path === second.path && same)
    throw new UsageError(
      'both sides are the same: give a second model, or two values for --engine, --isa or --numerics',
    );
  const { graph } = await readModelFile(first.path);
  const other = first.path === second.path ? graph : (await readModelFile(second.path)).graph;
  const feeds = await feedsFor(graph.inputs, options.input ?? [], options);
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));

  let models: readonly (string | Uint8Array)[] = sides.map(({ path }) => path);
  let inner: readonly string[] = [];
  if (options.layers) {
    const files = await Promise.all(sides.map(({ path }) => readFile(path)));
    const [ours = [], theirs = []] = files.map((bytes, i) => survivingValues(bytes, sides[i]!.path, shapes));
    inner = ours.filter((name) => theirs.includes(name));
    models = files.map((bytes) => withOutputs(bytes, inner));
  }
  const outputs = graph.outputs
    .map(({ name }) => name)
    .filter((name) => other.outputs.some((port) => port.name === name));
  if (outputs.length === 0)
    throw new CommandError(
      `the models share no output: ${[graph, other].map((g) => g.outputs.map(({ name }) => name).join(', ')).join(' and ')}`,
    );
  const left = await valuesOf(first, models[0]!, feeds, options.threads);
  const right = await valuesOf(second, models[1]!, feeds, options.threads);
  const differences = (names: readonly string[]) =>
    names.map((name) => differenceOf(name, left.get(name)!, right.get(name)!));
  const result = differences(outputs);
  const layers = differences(inner);
  const { tolerance } = options;
  const beyond = result.filter(({ maxRel, problem }) => problem || (tolerance !== undefined && !(maxRel <= tolerance)));
  return {
    document: {
      sides,
      inputs: shapes,
      outputs: result,
      ...(options.layers && { layers }),
      ...(tolerance !== undefined && { tolerance, within: beyond.length === 0 }),
    },
    print(screen) {
      screen.facts([
        ['A', describeSide(first)],
        ['B', describeSide(second)],
        [
          'input',
          Object.entries(shapes)
            .map(([name, shape]) => `${name} ${shapeText(shape)}`)
            .join(', '),
        ],
      ]);
      screen.line();
      screen.table(columns('output'), result);
      if (options.layers) {
        screen.heading(`${plural(layers.length, 'value')} on the way, in order`);
        screen.table(columns('value'), layers);
      }
      screen.note('  max rel: the largest difference, relative to the largest element of B');
    },
    ...(beyond.length > 0 && {
      failure: `${beyond.map(({ name, maxRel, problem }) => `output '${name}' ${problem ?? `differs by ${error(maxRel)}`}`).join('; ')}`,
    }),
  };
}
