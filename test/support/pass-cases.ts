/** Tables of pass tests: a tiny graph, the operators after all passes, and results that agree with onnxruntime's of the graph before. */
import test from 'ava';
import { checkModel, opsOf } from './check-model.js';
import { type ModelSpec, type NodeSpec, random, type TensorSpec, uniform } from './onnx-builder.js';

export interface PassCase {
  readonly title: string;
  readonly x?: readonly number[];
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly constants?: Readonly<Record<string, TensorSpec>>;
  /** Nodes as `op in1 in2 -> out`, with attributes where there are any. */
  readonly nodes: readonly (string | readonly [string, NodeSpec['attributes']])[];
  readonly outputs?: readonly string[];
  /** Operators afterwards. */
  readonly after: string;
  readonly opset?: number;
  readonly tolerance?: number;
  /** Largest magnitude of x; 1 by default. */
  readonly range?: number;
}

function nodeOf(line: string | readonly [string, NodeSpec['attributes']]): NodeSpec {
  const [text, attributes = {}] = typeof line === 'string' ? [line] : line;
  const [left = '', right = ''] = text.split(' -> ');
  const [op = '', ...inputs] = left.split(' ');
  return { op, inputs: inputs.map((name) => (name === '_' ? '' : name)), outputs: right.split(' '), attributes };
}

const modelOf = ({ x, inputs, constants = {}, nodes, outputs = ['y'], opset }: PassCase): ModelSpec => ({
  inputs: inputs ?? { x: x ?? [2, 4, 5, 6] },
  constants,
  nodes: nodes.map(nodeOf),
  outputs,
  ...(opset !== undefined && { opset }),
});

/** Parameters of a batch normalisation, named with a prefix. */
export const bn = (channels: number, prefix = '', seed = 1): Record<string, TensorSpec> => ({
  [`${prefix}gamma`]: uniform([channels], seed, 0.5, 1.5),
  [`${prefix}beta`]: random([channels], seed + 1),
  [`${prefix}mean`]: random([channels], seed + 2),
  [`${prefix}variance`]: uniform([channels], seed + 3, 0.2, 2),
});
/** The node that uses them. */
export const norm = (x: string, y: string, prefix = '') =>
  `BatchNormalization ${x} ${prefix}gamma ${prefix}beta ${prefix}mean ${prefix}variance -> ${y}`;
export const pad1 = { pads: [1, 1, 1, 1] };
/** A 3x3 kernel from 4 to 6 channels. */
export const w = random([6, 4, 3, 3], 11);
export function testPasses(cases: readonly PassCase[]): void {
  for (const item of cases) {
    test(item.title, async (t) => {
      const x = random([2, 4, 5, 6], 3);
      const feeds =
        item.range === undefined ? {} : { feeds: { x: { ...x, data: x.data.map((value) => value * item.range!) } } };
      const compiled = await checkModel(t, modelOf(item), { tolerance: item.tolerance ?? 5e-6, ...feeds });
      t.is(opsOf(compiled).join(' '), item.after);
    });
  }
}
