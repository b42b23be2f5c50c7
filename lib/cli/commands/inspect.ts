/** `lanewise inspect`: what a model is, what becomes of it, what keeps it from running. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadModel, type ModelMemory } from '../../model.js';
import type { Outcome } from '../command.js';
import { type Anatomy, anatomyOf } from '../inspect/anatomy.js';
import type { NodeCost } from '../inspect/cost.js';
import { type ModelFile, readModelFile } from '../inspect/file.js';
import type { PassWork } from '../inspect/passes.js';
import type { ShapeOption } from '../options.js';
import { bytes, count, plural, printable, shapeText } from '../terminal/format.js';
import type { Column, Screen } from '../terminal/screen.js';
import { isKnown, type OpenShape, openShapes, type Port } from '../values/shapes.js';

interface InspectOptions {
  readonly shape?: readonly ShapeOption[];
  readonly nodes?: boolean;
}

interface Facts {
  readonly file: ModelFile;
  readonly fileBytes: number;
  readonly shapes: ReadonlyMap<string, OpenShape>;
  readonly anatomy: Anatomy;
  readonly memory: ModelMemory | undefined;
  readonly withNodes: boolean;
}

/** Plans exist for known shapes and known operators only. */
async function memoryOf(path: string, anatomy: Anatomy, shapes: ReadonlyMap<string, OpenShape>) {
  if (anatomy.open.length > 0 || anatomy.unsupported.length > 0) return undefined;
  const inputShapes = Object.fromEntries([...shapes].filter(([, shape]) => isKnown(shape))) as Record<string, number[]>;
  const model = await loadModel(path, { inputShapes });
  const memory = model.memory();
  model.dispose();
  return memory;
}

const sum = (record: Readonly<Record<string, number>>): number => Object.values(record).reduce((a, b) => a + b, 0);

const opsText = (ops: Readonly<Record<string, number>>): string =>
  Object.entries(ops)
    .sort(([, a], [, b]) => b - a)
    .map(([op, n]) => `${n} ${op}`)
    .join(', ');

const passColumns: readonly Column<PassWork>[] = [
  { title: 'pass', cell: ({ pass }) => pass },
  { title: 'nodes', align: 'right', cell: ({ removed }) => String(-removed) },
  {
    title: 'what became of them',
    elastic: 'wrap',
    cell: ({ took, made }) => {
      if (sum(took) === 0 && sum(made) === 0) return 'constants or attributes only';
      if (sum(made) === 0) return `${opsText(took)} taken out`;
      return sum(took) === 0 ? `${opsText(made)} put in` : `${opsText(took)} -> ${opsText(made)}`;
    },
  },
];

const countOr = (n: number | null): string => (n === null ? '' : n === 0 ? '0' : count(n));

const nodeColumns: readonly Column<NodeCost>[] = [
  { title: 'node', elastic: 'cut', cell: ({ name }) => name },
  { title: 'operator', cell: ({ op }) => op },
  {
    title: 'output',
    cell: ({ outputs: [first] }) =>
      first ? `${first.type} ${shapeText(first.shape.map((extent) => extent ?? '?'))}` : '',
  },
  { title: 'params', align: 'right', cell: ({ parameters }) => countOr(parameters) },
  { title: 'MACs', align: 'right', cell: ({ macs }) => countOr(macs) },
];

/** Nodes with the same reason, together. */
function grouped<T extends { readonly node: string; readonly op: string; readonly reason: string }>(
  list: readonly T[],
) {
  const groups = new Map<string, { op: string; reason: string; nodes: string[] }>();
  for (const { node, op, reason } of list) {
    const key = `${op}\n${reason}`;
    const group = groups.get(key) ?? { op, reason, nodes: [] };
    group.nodes.push(node);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.nodes.length - a.nodes.length);
}

type PortRow = readonly [kind: string, port: Port];

const portColumns: readonly Column<PortRow>[] = [
  { title: '', cell: ([kind]) => kind },
  { title: 'name', elastic: 'cut', cell: ([, { name }]) => name },
  { title: 'type', cell: ([, { type }]) => type },
  { title: 'shape', elastic: 'wrap', cell: ([, { shape }]) => shapeText(shape) },
];

/** What open extents are taken to be. */
const boundColumn = (shapes: ReadonlyMap<string, OpenShape>): Column<PortRow> => ({
  title: 'here as',
  cell: ([kind, { name }]) => (kind === 'in' ? shapeText(shapes.get(name)!.map((extent) => extent ?? '?')) : ''),
});

function printModel(screen: Screen, { file, fileBytes, shapes, anatomy }: Facts): void {
  screen.line(screen.colors.bold(basename(file.path)));
  const origin = file.producer ? `written by ${file.producer}` : 'no producer named';
  screen.line(`  ${bytes(fileBytes)}, ONNX IR ${file.irVersion}, ${file.opsets.join(', ')}, ${origin}`);
  screen.heading('Inputs and outputs');
  const { inputs, outputs } = file.graph;
  const columns = inputs.every(({ shape }) => shape.every(Number.isInteger)) ? [] : [boundColumn(shapes)];
  screen.table<PortRow>(
    [...portColumns, ...columns],
    [...inputs.map((port) => ['in', port] as const), ...outputs.map((port) => ['out', port] as const)],
  );
  for (const name of anatomy.open)
    screen.note(`  MACs and memory depend on the shape of '${name}': give it with --shape ${name}=...`);
}

function printCost(screen: Screen, { anatomy, memory }: Facts): void {
  const { folding } = anatomy;
  screen.heading('Cost');
  const macs = anatomy.macs === null ? 'unknown without all shapes' : count(anatomy.macs);
  const facts: [string, string][] = [
    ['nodes', String(folding.nodesBefore)],
    ['parameters', `${count(anatomy.parameters)} (${anatomy.parameters})`],
    ['MACs', anatomy.macs === null ? macs : `${macs} (${anatomy.macs})`],
  ];
  if (memory) {
    facts.push(['weights', `${bytes(memory.weightBytes)} after folding`]);
    facts.push(['packed weights', `${bytes(memory.packedBytes)} in the layout of the kernels`]);
    facts.push(['activations', `${bytes(sum(memory.activationBytes))} per run in flight`]);
  }
  screen.facts(facts);
  screen.heading('Operators');
  screen.table<readonly [string, number]>(
    [
      { title: 'operator', cell: ([op]) => op },
      { title: 'nodes', align: 'right', cell: ([, n]) => String(n) },
    ],
    Object.entries(anatomy.operators).sort(([a, m], [b, n]) => n - m || a.localeCompare(b)),
  );
}

/** Shown on a screen. */
const mostReasons = 12;
const mostNames = 3;

function printFolding(screen: Screen, { folding }: Anatomy): void {
  const { nodesBefore, nodesAfter, passes } = folding;
  screen.heading('Folding');
  screen.line(`  ${plural(nodesBefore, 'node')} become ${nodesAfter}.`);
  if (passes.length > 0) screen.table(passColumns, passes);
  const left = grouped(folding.leftovers);
  if (left.length === 0) return;
  screen.heading('Not folded');
  for (const { op, reason, nodes } of left.slice(0, mostReasons)) {
    const some = nodes.slice(0, mostNames).join(', ');
    const more = nodes.length > mostNames ? ` and ${nodes.length - mostNames} more` : '';
    screen.line(`  ${op} ${screen.colors.dim(`${printable(some)}${more}:`)} ${printable(reason)}`);
  }
  const hidden = left.slice(mostReasons).reduce((total, { nodes }) => total + nodes.length, 0);
  if (hidden > 0) screen.note(`  and ${plural(hidden, 'more node')}; --json has them all`);
}

function printUnsupported(screen: Screen, { unsupported, open }: Anatomy): void {
  const { colors } = screen;
  screen.line();
  if (unsupported.length === 0) {
    screen.line(
      open.length > 0 ? 'Every operator is known.' : colors.green('This model runs: every node is supported.'),
    );
    return;
  }
  screen.line(colors.red(`This model does not run: ${plural(unsupported.length, 'node')} cannot.`));
  for (const { op, reason, nodes } of grouped(unsupported)) {
    screen.line(`  ${nodes.length} ${printable(op)}: ${printable(reason)}`);
    for (const node of nodes) screen.note(`    ${printable(node)}`);
  }
}

export async function run([path]: readonly unknown[], options: InspectOptions): Promise<Outcome> {
  const file = await readModelFile(path as string);
  const shapes = openShapes(file.graph.inputs, options.shape);
  const anatomy = anatomyOf(file.graph, shapes);
  const memory = await memoryOf(file.path, anatomy, shapes);
  const facts: Facts = {
    file,
    fileBytes: (await stat(file.path)).size,
    shapes,
    anatomy,
    memory,
    withNodes: options.nodes === true,
  };
  const { nodes, ...rest } = anatomy;
  return {
    document: {
      file: file.path,
      fileBytes: facts.fileBytes,
      irVersion: file.irVersion,
      opsets: file.opsets,
      producer: file.producer,
      metadata: file.metadata,
      inputs: file.graph.inputs.map((input) => ({ ...input, boundShape: shapes.get(input.name) })),
      outputs: file.graph.outputs,
      ...rest,
      memory: memory ? { ...memory, activationBytes: sum(memory.activationBytes) } : null,
      ...(facts.withNodes && { nodes }),
    },
    print(screen) {
      printModel(screen, facts);
      printCost(screen, facts);
      printFolding(screen, anatomy);
      if (facts.withNodes) {
        screen.heading('Nodes');
        screen.table(nodeColumns, nodes);
      }
      printUnsupported(screen, anatomy);
    },
  };
}
