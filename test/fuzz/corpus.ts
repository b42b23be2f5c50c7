/**
 * The models that mutants are made of: each family of operators, in as few bytes as show it. `node build/ts/test/fuzz/corpus.js`
 * writes them to test/fuzz/corpus, where they are stored so that a mutant stays what it was.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildModel,
  float,
  floats,
  ints,
  type ModelSpec,
  type NodeSpec,
  random,
  scalar,
  uniform,
} from '../support/onnx-builder.js';

export const corpusFolder = new URL('../../../../test/fuzz/corpus/', import.meta.url).pathname;

const image = [1, 4, 6, 5];

/** A chain: every node reads what the one before wrote. */
function chain(
  nodes: readonly (Omit<NodeSpec, 'inputs' | 'outputs'> & { readonly more?: readonly string[] })[],
  constants: ModelSpec['constants'] = {},
  x: readonly (number | string)[] = image,
  opset = 18,
): ModelSpec {
  return {
    inputs: { x },
    constants,
    nodes: nodes.map(({ more = [], ...node }, i) => ({
      ...node,
      inputs: [i === 0 ? 'x' : `v${i}`, ...more],
      outputs: [`v${i + 1}`],
    })),
    outputs: [`v${nodes.length}`],
    opset,
  };
}

const models: Readonly<Record<string, ModelSpec>> = {
  convolutions: chain(
    [
      { op: 'Conv', more: ['w', 'b'], attributes: { pads: [1, 1, 1, 1], strides: [1, 2] } },
      { op: 'Relu' },
      { op: 'Conv', more: ['d'], attributes: { group: 6, auto_pad: 'SAME_UPPER' } },
      { op: 'Conv', more: ['g'], attributes: { group: 2, dilations: [2, 1] } },
      { op: 'ConvTranspose', more: ['t'], attributes: { strides: [2, 2], output_padding: [1, 0] } },
    ],
    {
      w: random([6, 4, 3, 3], 1),
      b: random([6], 2),
      d: random([6, 1, 3, 3], 3),
      g: random([4, 3, 2, 1], 4),
      t: random([4, 3, 2, 2], 5),
    },
  ),
  batch: chain(
    [
      { op: 'Conv', more: ['w'] },
      { op: 'BatchNormalization', more: ['s', 's', 's', 's'], attributes: { epsilon: float(1e-3) } },
      { op: 'HardSwish' },
    ],
    { w: random([3, 4, 1, 1], 1), s: uniform([3], 1, 0.5, 1) },
    ['N', 4, 'H', 'W'],
  ),
  pools: chain([
    { op: 'MaxPool', attributes: { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1], ceil_mode: 1 } },
    { op: 'AveragePool', attributes: { kernel_shape: [2, 2], count_include_pad: 1, auto_pad: 'SAME_LOWER' } },
    { op: 'GlobalAveragePool' },
    { op: 'Flatten' },
  ]),
  resize: chain(
    [
      {
        op: 'Resize',
        more: ['', 'scales'],
        attributes: { mode: 'linear', coordinate_transformation_mode: 'asymmetric' },
      },
      { op: 'Resize', more: ['', '', 'sizes'], attributes: { mode: 'nearest', nearest_mode: 'floor' } },
    ],
    { scales: floats([4], [1, 1, 2, 1.5]), sizes: ints(1, 4, 5, 5) },
  ),
  elementwise: chain(
    [
      { op: 'Add', more: ['c'] },
      { op: 'Mul', more: ['s'] },
      { op: 'Clip', more: ['low', 'high'] },
      { op: 'Pow', more: ['two'] },
      { op: 'PRelu', more: ['c'] },
      { op: 'Gelu' },
      { op: 'LeakyRelu', attributes: { alpha: float(0.1) } },
    ],
    { c: random([4, 1, 1], 1), s: scalar(2), low: scalar(-1), high: scalar(1), two: scalar(2) },
    image,
    20,
  ),
  gates: chain(
    [
      { op: 'GlobalAveragePool' },
      { op: 'Conv', more: ['a'] },
      { op: 'Relu' },
      { op: 'Conv', more: ['b'] },
      { op: 'HardSigmoid' },
      { op: 'Mul', more: ['x'] },
    ],
    { a: random([2, 4, 1, 1], 1), b: random([4, 2, 1, 1], 2) },
  ),
  norms: chain(
    [
      { op: 'InstanceNormalization', more: ['c', 'c'] },
      { op: 'LayerNormalization', more: ['l'], attributes: { axis: -1 } },
      { op: 'Softmax', attributes: { axis: 1 } },
      { op: 'ReduceMean', more: ['axes'], attributes: { keepdims: 0 } },
      { op: 'LogSoftmax' },
    ],
    { c: random([4], 1), l: random([5], 2), axes: ints(2, -1) },
  ),
  matrices: chain(
    [
      { op: 'Reshape', more: ['shape'] },
      { op: 'MatMul', more: ['m'] },
      { op: 'Transpose', attributes: { perm: [0, 2, 1] } },
      { op: 'Squeeze', more: ['zero'] },
      { op: 'Gemm', more: ['g', 'b'], attributes: { transB: 1, alpha: float(0.5) } },
    ],
    { shape: ints(1, -1, 5), m: random([5, 3], 1), zero: ints(0), g: random([7, 24], 2), b: random([7], 3) },
  ),
  moves: chain(
    [
      { op: 'Pad', more: ['pads'], attributes: { mode: 'reflect' } },
      { op: 'Slice', more: ['starts', 'ends', 'axes', 'steps'] },
      { op: 'Gather', more: ['index'], attributes: { axis: 1 } },
      { op: 'Tile', more: ['repeats'] },
      { op: 'Unsqueeze', more: ['zero'] },
      { op: 'Expand', more: ['wide'] },
    ],
    {
      pads: ints(0, 0, 1, 1, 0, 0, 1, 0),
      starts: ints(0, 7),
      ends: ints(4, -100),
      axes: ints(1, 2),
      steps: ints(1, -2),
      index: ints(3, -1, 0),
      repeats: ints(1, 2, 1, 1),
      zero: ints(0),
      wide: ints(2, 1, 1, 1, 1),
    },
  ),
  blocks: chain(
    [
      { op: 'DepthToSpace', attributes: { blocksize: 2, mode: 'CRD' } },
      { op: 'SpaceToDepth', attributes: { blocksize: 2 } },
      { op: 'Cast', attributes: { to: 1 } },
      { op: 'Identity' },
    ],
    {},
    [1, 4, 6, 4],
  ),
  parts: {
    inputs: { x: image },
    constants: { sizes: ints(1, 3) },
    nodes: [
      { op: 'Split', inputs: ['x', 'sizes'], outputs: ['a', 'b'], attributes: { axis: 1 } },
      { op: 'Sigmoid', inputs: ['b'], outputs: ['c'] },
      { op: 'Concat', inputs: ['c', 'a', 'x'], outputs: ['y'], attributes: { axis: 1 } },
    ],
    outputs: ['y', 'c'],
    opset: 18,
  },
  shapes: {
    inputs: { x: ['N', 4, 'H', 5] },
    constants: { one: ints(1), two: ints(2), minus: ints(-1), value: floats([1], [3]) },
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['s'] },
      { op: 'Gather', inputs: ['s', 'one'], outputs: ['c'], attributes: { axis: 0 } },
      { op: 'Mul', inputs: ['c', 'two'], outputs: ['d'] },
      { op: 'Div', inputs: ['d', 'two'], outputs: ['e'] },
      { op: 'Concat', inputs: ['one', 'e', 'minus'], outputs: ['f'], attributes: { axis: 0 } },
      { op: 'Reshape', inputs: ['x', 'f'], outputs: ['r'] },
      { op: 'ConstantOfShape', inputs: ['d'], outputs: ['k'], attributes: { value: floats([1], [2]) } },
      { op: 'ReduceSum', inputs: ['k'], outputs: ['t'], attributes: { keepdims: 0 } },
      { op: 'Mul', inputs: ['r', 't'], outputs: ['y'] },
    ],
    outputs: ['y'],
    opset: 13,
  },
  old: chain(
    [
      { op: 'Upsample', more: ['scales'], attributes: { mode: 'nearest' } },
      { op: 'ReduceMax', attributes: { axes: [1], keepdims: 1 } },
      { op: 'Squeeze', attributes: { axes: [1] } },
      { op: 'Softmax', attributes: { axis: 1 } },
    ],
    { scales: floats([4], [1, 1, 2, 2]) },
    image,
    9,
  ),
};

/** File names and bytes, as they are stored. */
export function readCorpus(): { readonly name: string; readonly bytes: Uint8Array }[] {
  return readdirSync(corpusFolder)
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(corpusFolder, name))) }));
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  for (const [name, spec] of Object.entries(models))
    writeFileSync(join(corpusFolder, `${name}.onnx`), buildModel(spec));
