/** Every supported operator by itself, through reader, passes and lowering, against onnxruntime. */
import test from 'ava';
import { type CheckOptions, checkModel } from '../support/check-model.js';
import {
  type AttributeSpec,
  float,
  floats,
  ints,
  type ModelSpec,
  random,
  scalar,
  type TensorSpec,
  uniform,
} from '../support/onnx-builder.js';

interface Case {
  readonly op: string;
  readonly title?: string;
  /** Shape of x, the first input. */
  readonly x: readonly number[];
  /** Further inputs: a tensor for a constant, a shape for a run-time input, null for one left out. */
  readonly rest?: readonly (TensorSpec | readonly number[] | null)[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  readonly outputs?: number;
  readonly opset?: number;
  readonly options?: CheckOptions;
}

function modelOf({ op, x, rest = [], attributes = {}, outputs = 1, opset = 17 }: Case): ModelSpec {
  const inputs: Record<string, readonly number[]> = { x };
  const constants: Record<string, TensorSpec> = {};
  const names = rest.map((item, i) => {
    if (item === null) return '';
    const name = `in${i + 1}`;
    if ('data' in item) constants[name] = item;
    else inputs[name] = item;
    return name;
  });
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  return {
    inputs,
    constants,
    outputs: results,
    nodes: [{ op, inputs: ['x', ...names], outputs: results, attributes }],
    opset,
  };
}

const unary = (ops: string): Case[] => ops.split(' ').map((op) => ({ op, x: [2, 3, 4, 5] }));
const positive = { feeds: { x: { shape: [2, 3, 4], data: uniform([2, 3, 4], 5, 0.1, 3).data as Float32Array } } };
const binary = (ops: string): Case[] =>
  ops.split(' ').flatMap((op) => [
    { op, x: [2, 3, 4, 5], rest: [[2, 3, 4, 5]] },
    { op, title: `${op} broadcast`, x: [2, 3, 4, 5], rest: [[3, 1, 5]] },
    { op, title: `${op} per channel`, x: [2, 3, 4, 5], rest: [uniform([3, 1, 1], 3, 0.5, 2)] },
    { op, title: `${op} scalar`, x: [2, 3, 4, 5], rest: [scalar(1.25)] },
    { op, title: `${op} last axis`, x: [2, 3, 4], rest: [uniform([4], 3, 0.5, 2)] },
    { op, title: `${op} wider constant`, x: [3, 1], rest: [uniform([1, 1, 1, 1], 3, 0.5, 2)] },
  ]);
const reduce = (ops: string): Case[] =>
  ops.split(' ').flatMap((op) => [
    { op, x: [2, 3, 4, 5], attributes: { axes: [2, 3] }, opset: 12 },
    { op, title: `${op} keepdims 0`, x: [2, 3, 4, 5], attributes: { axes: [1, -1], keepdims: 0 }, opset: 12 },
    { op, title: `${op} all`, x: [2, 3, 4], opset: 12 },
    { op, title: `${op} axes as input`, x: [2, 3, 4], rest: [ints(1)], opset: 18 },
  ]);

const conv: Case[] = [
  { op: 'Conv', x: [2, 6, 7, 8], rest: [random([4, 6, 3, 3], 1), random([4], 2)], attributes: { pads: [1, 1, 1, 1] } },
  {
    op: 'Conv',
    title: 'Conv groups, stride, dilation',
    x: [1, 6, 9, 11],
    rest: [random([9, 2, 3, 2], 1)],
    attributes: { group: 3, strides: [2, 1], dilations: [2, 3], pads: [2, 0, 1, 3] },
  },
  {
    op: 'Conv',
    title: 'Conv SAME_UPPER',
    x: [1, 3, 7, 8],
    rest: [random([4, 3, 3, 4], 1)],
    attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] },
  },
  {
    op: 'Conv',
    title: 'Conv SAME_LOWER',
    x: [1, 3, 7, 8],
    rest: [random([4, 3, 2, 4], 1)],
    attributes: { auto_pad: 'SAME_LOWER' },
  },
  {
    op: 'Conv',
    title: 'Conv VALID',
    x: [1, 3, 7, 8],
    rest: [random([4, 3, 2, 4], 1)],
    attributes: { auto_pad: 'VALID' },
  },
  {
    op: 'Conv',
    title: 'Conv 1-D',
    x: [2, 4, 11],
    rest: [random([6, 2, 3], 1), random([6], 2)],
    attributes: { group: 2, strides: [2], pads: [1, 2], dilations: [2] },
  },
  { op: 'Conv', title: 'Conv run-time weight', x: [1, 3, 5, 5], rest: [[4, 3, 3, 3]] },
  {
    op: 'ConvTranspose',
    x: [1, 4, 5, 6],
    rest: [random([4, 3, 2, 2], 1), random([3], 2)],
    attributes: { strides: [2, 2] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose, patches of 3x2',
    x: [2, 5, 3, 4],
    rest: [random([5, 2, 3, 2], 1), random([2], 2)],
    attributes: { strides: [3, 2] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose, patches with a gap after the last',
    x: [1, 3, 4, 4],
    rest: [random([3, 2, 2, 2], 1)],
    attributes: { strides: [2, 2], output_padding: [1, 1] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose, patches of a run-time weight',
    x: [1, 3, 4, 4],
    rest: [[3, 1, 2, 2]],
    attributes: { strides: [2, 2] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose groups, output padding',
    x: [2, 4, 5, 4],
    rest: [random([4, 3, 3, 3], 1)],
    attributes: { group: 2, strides: [2, 3], pads: [1, 0, 1, 1], output_padding: [1, 1] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose output_shape',
    x: [1, 2, 5, 4],
    rest: [random([2, 3, 3, 3], 1)],
    attributes: { strides: [2, 2], output_shape: [10, 8] },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose SAME_UPPER',
    x: [1, 2, 5, 4],
    rest: [random([2, 3, 3, 3], 1)],
    attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  {
    op: 'ConvTranspose',
    title: 'ConvTranspose 1-D',
    x: [1, 2, 5],
    rest: [random([2, 3, 4], 1)],
    attributes: { strides: [2], pads: [1, 1] },
  },
];

const linear: Case[] = [
  { op: 'Gemm', x: [3, 4], rest: [random([4, 5], 1), random([5], 2)] },
  {
    op: 'Gemm',
    title: 'Gemm transB, alpha, beta',
    x: [3, 4],
    rest: [random([5, 4], 1), random([1, 5], 2)],
    attributes: { transB: 1, alpha: 0.5, beta: 1.5 },
  },
  {
    op: 'Gemm',
    title: 'Gemm scalar bias',
    x: [3, 4],
    rest: [random([4, 5], 1), scalar(0.75)],
    attributes: { alpha: 2.5 },
  },
  {
    op: 'Gemm',
    title: 'Gemm column bias',
    x: [3, 4],
    rest: [random([4, 5], 1), random([3, 1], 2)],
    attributes: { beta: 0.5 },
  },
  { op: 'Gemm', title: 'Gemm transA', x: [4, 3], rest: [random([4, 5], 1)], attributes: { transA: 1 } },
  {
    op: 'Gemm',
    title: 'Gemm run-time operands',
    x: [3, 4],
    rest: [
      [4, 5],
      [3, 5],
    ],
    attributes: { alpha: 0.5, beta: 0.25 },
  },
  { op: 'MatMul', x: [3, 4], rest: [random([4, 5], 1)] },
  { op: 'MatMul', title: 'MatMul batched', x: [2, 3, 3, 4], rest: [[3, 4, 5]] },
  { op: 'MatMul', title: 'MatMul vector left', x: [4], rest: [[2, 4, 5]] },
  { op: 'MatMul', title: 'MatMul vector right', x: [2, 3, 4], rest: [random([4], 1)] },
  { op: 'MatMul', title: 'MatMul vectors', x: [4], rest: [[4]] },
];

const pools: Case[] = ['MaxPool', 'AveragePool'].flatMap((op): Case[] => [
  { op, x: [1, 3, 7, 8], attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] } },
  {
    op,
    title: `${op} ceil_mode`,
    x: [1, 2, 6, 6],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    op,
    title: `${op} ceil_mode drops a window in the padding`,
    x: [1, 2, 5, 5],
    attributes: { kernel_shape: [2, 2], strides: [3, 3], pads: [0, 0, 1, 1], ceil_mode: 1 },
  },
  {
    op,
    title: `${op} SAME_UPPER`,
    x: [1, 2, 7, 8],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  { op, title: `${op} 1-D`, x: [1, 2, 9], attributes: { kernel_shape: [3], strides: [2] } },
]);

const cases: Case[] = [
  ...unary(
    'Relu LeakyRelu Elu Softplus Sigmoid HardSigmoid HardSwish Tanh Abs Neg Exp Floor Ceil Round Sign Erf Identity Softmax LogSoftmax GlobalAveragePool GlobalMaxPool Dropout',
  ),
  { op: 'Mish', x: [2, 3, 4, 5], opset: 18 },
  { op: 'Gelu', x: [2, 3, 4, 5], opset: 20 },
  { op: 'Gelu', title: 'Gelu tanh', x: [2, 3, 4, 5], opset: 20, attributes: { approximate: 'tanh' } },
  ...['Log', 'Sqrt', 'Reciprocal'].map((op): Case => ({ op, x: [2, 3, 4], options: positive })),
  { op: 'HardSigmoid', title: 'HardSigmoid parameters', x: [2, 3, 4], attributes: { alpha: 0.3, beta: 0.4 } },
  { op: 'LeakyRelu', title: 'LeakyRelu slope', x: [2, 3, 4], attributes: { alpha: 0.3 } },
  { op: 'Clip', x: [2, 3, 4], rest: [scalar(-0.25), scalar(0.5)] },
  { op: 'Clip', title: 'Clip one bound', x: [2, 3, 4], rest: [null, scalar(0.5)] },
  { op: 'Clip', title: 'Clip opset 6', x: [2, 3, 4], attributes: { min: float(0), max: float(6) }, opset: 6 },
  { op: 'Clip', title: 'Clip without bounds', x: [2, 3, 4] },
  { op: 'PRelu', x: [2, 3, 4, 5], rest: [random([3, 1, 1], 4)] },
  { op: 'Cast', x: [2, 3], attributes: { to: 1 } },
  ...binary('Add Sub Mul Div Min Max'),
  {
    op: 'Sub',
    title: 'Sub constant first (as input 2 of a Sub)',
    x: [2, 3, 4, 5],
    rest: [uniform([3, 1, 1], 3, 0.5, 2)],
  },
  { op: 'Pow', x: [2, 3, 4], rest: [scalar(2)], options: positive },
  {
    op: 'Sum',
    x: [2, 3, 4],
    rest: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  { op: 'Mean', x: [2, 3, 4], rest: [[2, 3, 4], [4]] },
  { op: 'Max', title: 'Max of three', x: [2, 3, 4], rest: [[4], [2, 1, 1]] },
  { op: 'Sum', title: 'Sum of one', x: [2, 3, 4] },
  ...conv,
  ...linear,
  ...pools,
  {
    op: 'AveragePool',
    title: 'AveragePool count_include_pad',
    x: [1, 2, 6, 6],
    attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  },
  {
    op: 'MaxPool',
    title: 'MaxPool dilations',
    x: [1, 2, 9, 9],
    attributes: { kernel_shape: [3, 3], dilations: [2, 2] },
  },
  { op: 'GlobalAveragePool', title: 'GlobalAveragePool 1-D', x: [2, 3, 7] },
  {
    op: 'Resize',
    x: [1, 2, 3, 4],
    rest: [null, floats([4], [1, 1, 2, 2])],
    attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  },
  {
    op: 'Resize',
    title: 'Resize linear half_pixel',
    x: [1, 2, 5, 4],
    rest: [null, floats([4], [1, 1, 1.5, 2.5])],
    attributes: { mode: 'linear' },
  },
  {
    op: 'Resize',
    title: 'Resize linear sizes align_corners',
    x: [1, 2, 5, 4],
    rest: [null, null, ints(1, 2, 8, 9)],
    attributes: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
  },
  { op: 'Resize', title: 'Resize nearest default', x: [1, 2, 5, 4], rest: [null, null, ints(1, 2, 3, 9)] },
  {
    op: 'Resize',
    title: 'Resize opset 10',
    x: [1, 2, 3, 4],
    rest: [floats([4], [1, 1, 2, 3])],
    attributes: { mode: 'nearest' },
    opset: 10,
  },
  { op: 'Upsample', x: [1, 2, 3, 4], rest: [floats([4], [1, 1, 2, 3])], attributes: { mode: 'nearest' }, opset: 9 },
  {
    op: 'Upsample',
    title: 'Upsample opset 7',
    x: [1, 2, 3, 4],
    attributes: { mode: 'linear', scales: [1, 1, 2.5, 2] },
    opset: 7,
  },
  { op: 'Softmax', title: 'Softmax opset 11 flattens', x: [2, 3, 4], attributes: { axis: 1 }, opset: 11 },
  { op: 'Softmax', title: 'Softmax opset 11 last axis', x: [2, 3, 4], attributes: { axis: 2 }, opset: 11 },
  { op: 'LogSoftmax', title: 'LogSoftmax axis 1', x: [2, 3, 4], attributes: { axis: 1 } },
  { op: 'LayerNormalization', x: [2, 3, 4], rest: [random([4], 1), random([4], 2)] },
  {
    op: 'LayerNormalization',
    title: 'LayerNormalization axis 1',
    x: [2, 3, 4],
    rest: [random([3, 4], 1)],
    attributes: { axis: 1, epsilon: 0.01 },
  },
  { op: 'InstanceNormalization', x: [2, 3, 4, 5], rest: [random([3], 1), random([3], 2)] },
  {
    op: 'GroupNormalization',
    x: [2, 6, 4, 5],
    rest: [random([6], 1), random([6], 2)],
    attributes: { num_groups: 3 },
    opset: 21,
  },
  {
    op: 'GroupNormalization',
    title: 'GroupNormalization opset 18',
    x: [2, 6, 4, 5],
    rest: [random([3], 1), random([3], 2)],
    attributes: { num_groups: 3 },
    opset: 18,
  },
  {
    op: 'BatchNormalization',
    x: [2, 3, 4, 5],
    rest: [random([3], 1), random([3], 2), random([3], 3), uniform([3], 4, 0.1, 2)],
    opset: 9,
  },
  ...reduce('ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare'),
  { op: 'ReduceLogSumExp', x: [2, 3, 4], attributes: { axes: [1] } },
  { op: 'ReduceLogSum', x: [2, 3, 4], attributes: { axes: [1] }, options: positive },
  { op: 'Reshape', x: [2, 3, 4], rest: [ints(0, -1)] },
  { op: 'Flatten', x: [2, 3, 4], attributes: { axis: 2 } },
  { op: 'Squeeze', x: [2, 1, 4, 1], rest: [ints(1)] },
  { op: 'Squeeze', title: 'Squeeze opset 11', x: [2, 1, 4, 1], attributes: { axes: [1, -1] }, opset: 11 },
  { op: 'Unsqueeze', x: [2, 4], rest: [ints(0, -1)] },
  { op: 'Unsqueeze', title: 'Unsqueeze opset 11', x: [2, 4], attributes: { axes: [1] }, opset: 11 },
  { op: 'Transpose', x: [2, 3, 4], attributes: { perm: [1, 2, 0] } },
  { op: 'Transpose', title: 'Transpose default', x: [2, 3, 4] },
  { op: 'Concat', x: [2, 3, 4], rest: [[2, 2, 4], random([2, 1, 4], 1)], attributes: { axis: 1 } },
  { op: 'Split', x: [2, 6, 4], attributes: { axis: 1 }, outputs: 3, opset: 13 },
  { op: 'Split', title: 'Split parts', x: [2, 6, 4], rest: [ints(1, 5)], attributes: { axis: 1 }, outputs: 2 },
  { op: 'Split', title: 'Split opset 11', x: [2, 6, 4], attributes: { axis: 1, split: [4, 2] }, outputs: 2, opset: 11 },
  {
    op: 'Split',
    title: 'Split num_outputs',
    x: [2, 7, 4],
    attributes: { axis: 1, num_outputs: 3 },
    outputs: 3,
    opset: 18,
  },
  { op: 'Slice', x: [4, 5, 6], rest: [ints(1, -1), ints(9, -9), ints(0, 2), ints(2, -2)] },
  {
    op: 'Slice',
    title: 'Slice of one element by a step beyond all',
    x: [4, 5],
    rest: [ints(1, -1), ints(9, -9), ints(0, 1), ints(2 ** 40, -(2 ** 40))],
  },
  {
    op: 'Slice',
    title: 'Slice opset 9',
    x: [4, 5, 6],
    attributes: { starts: [1, 0], ends: [3, 1000000000], axes: [1, 2] },
    opset: 9,
  },
  {
    op: 'Slice',
    title: 'Slice to the first element backwards',
    x: [5],
    rest: [ints(-1), ints(Number.MIN_SAFE_INTEGER), ints(0), ints(-1)],
  },
  { op: 'Pad', x: [1, 2, 3, 4], rest: [ints(0, 1, 2, 0, 0, 0, 1, 3), scalar(0.5)] },
  {
    op: 'Pad',
    title: 'Pad reflect',
    x: [1, 2, 5, 4],
    rest: [ints(0, 0, 2, 1, 0, 0, 1, 3)],
    attributes: { mode: 'reflect' },
  },
  { op: 'Pad', title: 'Pad edge', x: [1, 2, 3, 4], rest: [ints(0, 0, 2, 1, 0, 0, 1, 3)], attributes: { mode: 'edge' } },
  {
    op: 'Pad',
    title: 'Pad wrap',
    x: [1, 2, 5, 4],
    rest: [ints(0, 0, 2, 1, 0, 0, 1, 3)],
    attributes: { mode: 'wrap' },
    opset: 19,
  },
  { op: 'Pad', title: 'Pad crops', x: [1, 2, 5, 6], rest: [ints(0, 0, -1, 1, 0, 0, 0, -2)] },
  {
    op: 'Pad',
    title: 'Pad opset 2',
    x: [1, 2, 3, 4],
    attributes: { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: float(2) },
    opset: 7,
  },
  { op: 'Expand', x: [3, 1], rest: [ints(2, 1, 4)] },
  { op: 'Tile', x: [2, 3, 4], rest: [ints(2, 1, 3)] },
  {
    op: 'Gather',
    x: [3, 4, 5],
    rest: [{ shape: [2, 2], data: BigInt64Array.of(0n, -1n, 2n, 1n) }],
    attributes: { axis: 1 },
  },
  { op: 'Gather', title: 'Gather scalar', x: [3, 4, 5], rest: [{ shape: [], data: BigInt64Array.of(2n) }] },
  { op: 'DepthToSpace', x: [1, 8, 2, 3], attributes: { blocksize: 2 } },
  { op: 'DepthToSpace', title: 'DepthToSpace CRD', x: [1, 8, 2, 3], attributes: { blocksize: 2, mode: 'CRD' } },
  { op: 'SpaceToDepth', x: [1, 2, 4, 6], attributes: { blocksize: 2 } },
];

const titles = new Map<string, number>();
for (const item of cases) {
  const base = item.title ?? item.op;
  const count = (titles.get(base) ?? 0) + 1;
  titles.set(base, count);
  test(count > 1 ? `${base} (${count})` : base, async (t) => {
    await checkModel(t, modelOf(item), { tolerance: 4e-6, ...item.options });
  });
}

test('outputs that are constants, or inputs passed through', async (t) => {
  const spec: ModelSpec = {
    inputs: { x: [2, 3] },
    constants: { c: random([4], 1) },
    nodes: [
      { op: 'Identity', inputs: ['x'], outputs: ['same'] },
      { op: 'Identity', inputs: ['c'], outputs: ['known'] },
      { op: 'Relu', inputs: ['x'], outputs: ['inner'] },
      { op: 'Identity', inputs: ['inner'], outputs: ['outer'] },
    ],
    outputs: ['same', 'known', 'outer'],
  };
  await checkModel(t, spec);
});
