/**
 * Every eager operator against onnxruntime running a model of one node (or the few that make the operator up), on every
 * instruction set and, where there are two, in both layouts. One long table on purpose: an operator that is not in it fails a
 * test.
 */
import test from 'ava';
import type { Isa, Layout, Tensor } from 'lanewise';
import * as lanewise from 'lanewise';
import { runOnnxruntime } from '../support/check-model.js';
import {
  type AttributeSpec,
  buildModel,
  floats,
  ints,
  type NodeSpec,
  type TensorSpec,
} from '../support/onnx-builder.js';
import { Dice, difference, fromLayout, inLayout, isas, largest } from '../support/operands.js';

interface Call {
  readonly layout: Layout;
  readonly isa: Isa;
}

interface Case {
  /** Inputs of the model, fed at run time. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly constants?: Readonly<Record<string, TensorSpec>>;
  readonly nodes: readonly NodeSpec[];
  readonly run: (x: Tensor, options: Call) => Tensor | Tensor[];
  /** Whether x and the result are images that can be laid out as NHWC. */
  readonly images?: boolean;
  /** Relative to the largest expected value (default 2e-6); 0 for exact. */
  readonly tolerance?: number;
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

const dice = new Dice(2024);
const node = (
  op: string,
  inputs: string,
  attributes: Readonly<Record<string, AttributeSpec>> = {},
  outputs = 'y',
): NodeSpec => ({
  op,
  inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
  outputs: outputs.split(' '),
  attributes,
});

const image = dice.values([2, 12, 9, 7]);
const wide = dice.values([2, 37, 6, 5]);
const small = dice.values([3, 4, 5]);
const spec = ({ shape, data }: Tensor): TensorSpec => floats(shape, data);
const positive = (t: Tensor): Tensor =>
  lanewise.tensor(
    t.data.map((value) => Math.abs(value) + 0.1),
    t.shape,
  );
const column = (t: Tensor): TensorSpec => floats([t.size, 1, 1], t.data);

/** Values around every corner a pointwise function has, and those no test likes. */
const corners = lanewise.tensor(
  [
    ...Array.from({ length: 203 }, (_, i) => (i - 101) / 12.7),
    0,
    -0,
    0.5,
    1.5,
    2.5,
    -0.5,
    -1.5,
    3,
    -3,
    6,
    30,
    -30,
    88,
    -88,
    104,
    -104,
    Infinity,
    -Infinity,
    NaN,
  ],
  [222],
);

/** Without -Infinity: there the limit of these functions is 0, and onnxruntime multiplies it with 0. */
const bounded = lanewise.tensor(
  corners.data.map((value) => (value === -Infinity ? -60 : value)),
  [222],
);

const unary = (
  run: (x: Tensor, options: { isa: Isa }) => Tensor,
  nodes: readonly NodeSpec[],
  more: Partial<Case> = {},
): Case => ({
  feeds: { x: corners },
  nodes,
  run: (x, { isa }) => run(x, { isa }),
  ...more,
});

const a43 = dice.values([2, 1, 4, 3]);
const binary = (
  run: (x: Tensor, b: Tensor, options: { isa: Isa }) => Tensor,
  op: string,
  b: Tensor,
  a = a43,
): Case => ({
  feeds: { x: a, b },
  nodes: [node(op, 'x b')],
  run: (x, { isa }) => run(x, b, { isa }),
});

const [w1, w2] = [dice.values([5, 37]), dice.values([37, 5])];
const [b1, b2] = [dice.values([5]), dice.values([37])];
const [gamma, beta, mean, variance] = [1, 2, 3, 4].map(() => dice.values([37])) as [Tensor, Tensor, Tensor, Tensor];
const norm = { gamma, beta, mean, variance: positive(variance) };
const [convW, groupW, upW] = [dice.values([7, 12, 3, 3]), dice.values([8, 3, 3, 3]), dice.values([12, 5, 4, 4])];
const bias7 = dice.values([7]);

const pool = (
  kind: 'max' | 'avg',
  kernel: number | [number, number],
  options: lanewise.AvgPool2dOptions,
  attributes: Readonly<Record<string, AttributeSpec>>,
): Case => ({
  feeds: { x: wide },
  images: true,
  nodes: [node(kind === 'max' ? 'MaxPool' : 'AveragePool', 'x', attributes)],
  run: (x, o) => (kind === 'max' ? lanewise.maxPool2d : lanewise.avgPool2d)(x, kernel, { ...options, ...o }),
  opset: 19,
});

const resize = (
  options: lanewise.Resize2dOptions,
  mode: string,
  coordinates: string,
  rounding: string,
  scales?: readonly number[],
  sizes?: readonly number[],
): Case => ({
  feeds: { x: image },
  images: true,
  constants: scales ? { s: floats([4], [1, 1, ...scales]) } : { s: ints(2, 12, ...sizes!) },
  nodes: [
    node('Resize', scales ? 'x - s' : 'x - - s', {
      mode,
      coordinate_transformation_mode: coordinates,
      nearest_mode: rounding,
    }),
  ],
  run: (x, o) => lanewise.resize2d(x, { ...options, ...o }),
  opset: 19,
  // Positions are worked out in float there and in double here: a weight may differ in its last digits.
  tolerance: mode === 'linear' ? 1e-5 : 0,
});

const reduceOps: readonly (readonly [lanewise.ReduceFunction, string])[] = [
  ['sum', 'ReduceSum'],
  ['mean', 'ReduceMean'],
  ['max', 'ReduceMax'],
  ['min', 'ReduceMin'],
  ['prod', 'ReduceProd'],
  ['l1', 'ReduceL1'],
  ['l2', 'ReduceL2'],
  ['sumSquare', 'ReduceSumSquare'],
  ['logSum', 'ReduceLogSum'],
  ['logSumExp', 'ReduceLogSumExp'],
];

const cases: Readonly<Record<string, Case>> = {
  conv2d: {
    feeds: { x: image },
    images: true,
    constants: { w: spec(convW), b: spec(bias7) },
    nodes: [node('Conv', 'x w b', { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] })],
    run: (x, o) =>
      lanewise.conv2d(x, convW, { bias: bias7, padding: [1, 0, 2, 1], stride: [2, 1], dilation: [1, 2], ...o }),
  },
  'conv2d grouped, same padding, relu': {
    feeds: { x: image },
    images: true,
    constants: { w: spec(groupW) },
    nodes: [node('Conv', 'x w', { group: 4, auto_pad: 'SAME_UPPER', strides: [2, 2] }, 'c'), node('Relu', 'c')],
    run: (x, o) => lanewise.conv2d(x, groupW, { groups: 4, padding: 'same', stride: 2, activation: 'relu', ...o }),
  },
  depthwiseConv2d: {
    feeds: { x: image },
    images: true,
    constants: { w: floats([24, 1, 3, 3], dice.values([24, 1, 3, 3]).data) },
    nodes: [node('Conv', 'x w', { group: 12, pads: [1, 1, 1, 1] })],
    run: (x, o) =>
      lanewise.depthwiseConv2d(
        x,
        lanewise.tensor(cases['depthwiseConv2d']!.constants!['w']!.data as Float32Array, [24, 1, 3, 3]),
        { padding: 1, ...o },
      ),
  },
  convTranspose2d: {
    feeds: { x: image },
    images: true,
    constants: { w: spec(upW) },
    nodes: [node('ConvTranspose', 'x w', { strides: [2, 2], pads: [1, 2, 0, 1], output_padding: [1, 0] })],
    run: (x, o) => lanewise.convTranspose2d(x, upW, { stride: 2, padding: [1, 2, 0, 1], outputPadding: [1, 0], ...o }),
  },
  "convTranspose2d 'same'": {
    feeds: { x: image },
    images: true,
    constants: { w: spec(upW) },
    nodes: [node('ConvTranspose', 'x w', { strides: [2, 3], auto_pad: 'SAME_UPPER' })],
    run: (x, o) => lanewise.convTranspose2d(x, upW, { stride: [2, 3], padding: 'same', ...o }),
  },
  scaleChannels: {
    feeds: { x: wide },
    images: true,
    constants: { s: column(gamma), t: column(beta) },
    nodes: [node('Mul', 'x s', {}, 'm'), node('Add', 'm t', {}, 'a'), node('Tanh', 'a')],
    run: (x, o) => lanewise.scaleChannels(x, gamma, { shift: beta, activation: 'tanh', ...o }),
  },
  'scaleChannels in groups': {
    feeds: { x: image },
    images: true,
    constants: {
      s: floats(
        [12, 1, 1],
        Array.from({ length: 12 }, (_, c) => [0.5, 2, -1][Math.floor(c / 4)]!),
      ),
    },
    nodes: [node('Mul', 'x s')],
    run: (x, o) => lanewise.scaleChannels(x, [0.5, 2, -1], { groups: 3, ...o }),
    tolerance: 0,
  },
  'scaleChannels by a number, rank 3': {
    feeds: { x: small },
    constants: { s: floats([1], [0.943]) },
    nodes: [node('Mul', 'x s')],
    run: (x, { isa }) => lanewise.scaleChannels(x, 0.943, { isa }),
  },
  batchNorm: {
    feeds: { x: wide },
    images: true,
    constants: { g: spec(gamma), b: spec(beta), m: spec(mean), v: spec(norm.variance) },
    nodes: [node('BatchNormalization', 'x g b m v', { epsilon: 0.001 })],
    run: (x, o) => lanewise.batchNorm(x, { ...norm, epsilon: 0.001 }, o),
  },
  groupNorm: {
    feeds: { x: image },
    images: true,
    constants: { g: floats([12], gamma.data.slice(0, 12)), b: floats([12], beta.data.slice(0, 12)) },
    nodes: [node('GroupNormalization', 'x g b', { num_groups: 4 })],
    run: (x, o) => lanewise.groupNorm(x, 4, { gamma: gamma.data.slice(0, 12), beta: beta.data.slice(0, 12), ...o }),
    opset: 21,
    tolerance: 1e-5,
  },
  instanceNorm: {
    feeds: { x: wide },
    images: true,
    constants: { g: spec(gamma), b: spec(beta) },
    nodes: [node('InstanceNormalization', 'x g b')],
    run: (x, o) => lanewise.instanceNorm(x, { gamma, beta, ...o }),
    tolerance: 1e-5,
  },
  layerNorm: {
    feeds: { x: small },
    constants: { g: floats([4, 5], gamma.data.slice(0, 20)), b: floats([4, 5], beta.data.slice(0, 20)) },
    nodes: [node('LayerNormalization', 'x g b', { axis: 1 })],
    run: (x, { isa }) =>
      lanewise.layerNorm(x, { gamma: gamma.data.slice(0, 20), beta: beta.data.slice(0, 20), axis: 1, isa }),
    tolerance: 1e-5,
  },
  'layerNorm of the last axis, without parameters': {
    feeds: { x: small },
    constants: { g: floats([5], [1, 1, 1, 1, 1]) },
    nodes: [node('LayerNormalization', 'x g')],
    run: (x, { isa }) => lanewise.layerNorm(x, { isa }),
    tolerance: 1e-5,
  },
  'prelu per channel': {
    feeds: { x: wide },
    images: true,
    constants: { s: column(gamma) },
    nodes: [node('PRelu', 'x s')],
    run: (x, o) => lanewise.prelu(x, gamma.data, o),
    tolerance: 0,
  },
  'prelu, one slope': {
    feeds: { x: wide },
    constants: { s: floats([1], [0.25]) },
    nodes: [node('PRelu', 'x s')],
    run: (x, { isa }) => lanewise.prelu(x, 0.25, { isa }),
    tolerance: 0,
  },
  'prelu, element by element': {
    feeds: { x: small },
    constants: { s: floats([4, 5], gamma.data.slice(0, 20)) },
    nodes: [node('PRelu', 'x s')],
    run: (x, { isa }) => lanewise.prelu(x, lanewise.tensor(gamma.data.slice(0, 20), [4, 5]), { isa }),
    tolerance: 0,
  },
  squeezeExcite: {
    feeds: { x: wide },
    images: true,
    constants: { w1: floats([5, 37, 1, 1], w1.data), b1: spec(b1), w2: floats([37, 5, 1, 1], w2.data), b2: spec(b2) },
    nodes: [
      node('GlobalAveragePool', 'x', {}, 'z'),
      node('Conv', 'z w1 b1', {}, 'u'),
      node('Relu', 'u', {}, 'h'),
      node('Conv', 'h w2 b2', {}, 'a'),
      node('Sigmoid', 'a', {}, 's'),
      node('Mul', 'x s'),
    ],
    run: (x, o) => lanewise.squeezeExcite(x, w1, b1, w2, b2, o),
  },
  maxPool2d: pool(
    'max',
    3,
    { stride: 2, padding: [1, 0, 1, 2] },
    { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 0, 1, 2] },
  ),
  'maxPool2d, stride of the kernel': pool('max', 2, {}, { kernel_shape: [2, 2], strides: [2, 2] }),
  'maxPool2d with dilation': pool(
    'max',
    [3, 2],
    { stride: 1, dilation: [1, 2] },
    { kernel_shape: [3, 2], dilations: [1, 2] },
  ),
  'maxPool2d, ceil': pool(
    'max',
    3,
    { stride: 2, ceilMode: true },
    { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  ),
  avgPool2d: pool('avg', 3, { stride: 2, padding: 1 }, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  'avgPool2d, border counted': pool(
    'avg',
    3,
    { stride: 1, padding: 1, countIncludePad: true },
    { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  ),
  'avgPool2d, ceil': pool(
    'avg',
    [2, 3],
    { stride: 2, ceilMode: true },
    { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 },
  ),
  globalAvgPool: {
    feeds: { x: wide },
    images: true,
    nodes: [node('GlobalAveragePool', 'x')],
    run: (x, o) => lanewise.globalAvgPool(x, o),
  },
  globalMaxPool: {
    feeds: { x: wide },
    images: true,
    nodes: [node('GlobalMaxPool', 'x')],
    run: (x, o) => lanewise.globalMaxPool(x, o),
    tolerance: 0,
  },
  'resize2d, twice': resize({ scale: 2 }, 'nearest', 'half_pixel', 'round_prefer_floor', [2, 2]),
  'resize2d, repeated': resize(
    { scale: [2, 3], coordinates: 'asymmetric', rounding: 'floor' },
    'nearest',
    'asymmetric',
    'floor',
    [2, 3],
  ),
  'resize2d to a size': resize(
    { size: [5, 11], rounding: 'ceil' },
    'nearest',
    'half_pixel',
    'ceil',
    undefined,
    [5, 11],
  ),
  'resize2d, linear': resize(
    { size: [17, 4], mode: 'linear' },
    'linear',
    'half_pixel',
    'round_prefer_floor',
    undefined,
    [17, 4],
  ),
  'resize2d, linear, corners': resize(
    { size: [12, 15], mode: 'linear', coordinates: 'alignCorners' },
    'linear',
    'align_corners',
    'round_prefer_floor',
    undefined,
    [12, 15],
  ),
  'resize2d, linear, by PyTorch': resize(
    { scale: [1, 2.5], mode: 'linear', coordinates: 'pytorchHalfPixel' },
    'linear',
    'pytorch_half_pixel',
    'round_prefer_floor',
    [1, 2.5],
  ),
  linear: {
    feeds: { x: dice.values([6, 37]) },
    constants: { w: spec(w1), b: spec(b1) },
    nodes: [node('Gemm', 'x w b', { transB: 1 }, 'g'), node('Relu', 'g')],
    run: (x, { isa }) => lanewise.linear(x, w1, { bias: b1, activation: 'relu', isa }),
  },
  matmul: {
    feeds: { x: dice.values([3, 1, 4, 9]), b: dice.values([5, 9, 17]) },
    nodes: [node('MatMul', 'x b')],
    run: (x, { isa }) => lanewise.matmul(x, cases['matmul']!.feeds['b']!, { isa }),
  },
  'matmul of a transposed b': {
    feeds: { x: dice.values([2, 4, 9]), b: dice.values([2, 17, 9]) },
    nodes: [node('Transpose', 'b', { perm: [0, 2, 1] }, 't'), node('MatMul', 'x t')],
    run: (x, { isa }) => lanewise.matmul(x, cases['matmul of a transposed b']!.feeds['b']!, { transposeB: true, isa }),
  },
  softmax: {
    feeds: { x: dice.values([4, 33]) },
    nodes: [node('Softmax', 'x')],
    run: (x, { isa }) => lanewise.softmax(x, { isa }),
  },
  'softmax of a middle axis': {
    feeds: { x: image },
    nodes: [node('Softmax', 'x', { axis: 1 })],
    run: (x, { isa }) => lanewise.softmax(x, { axis: 1, isa }),
  },
  logSoftmax: {
    feeds: { x: dice.values([4, 33]) },
    nodes: [node('LogSoftmax', 'x')],
    run: (x, { isa }) => lanewise.logSoftmax(x, { isa }),
  },
  'logSoftmax of the first axis': {
    feeds: { x: small },
    nodes: [node('LogSoftmax', 'x', { axis: 0 })],
    run: (x, { isa }) => lanewise.logSoftmax(x, { axis: -3, isa }),
  },
  concat: {
    feeds: { x: image, b: dice.values([2, 5, 9, 7]) },
    nodes: [node('Concat', 'x b x', { axis: 1 })],
    run: (x, { isa }) => lanewise.concat([x, cases['concat']!.feeds['b']!, x], { isa }),
    tolerance: 0,
  },
  'concat of the last axis': {
    feeds: { x: small },
    nodes: [node('Concat', 'x x', { axis: 2 })],
    run: (x, { isa }) => lanewise.concat([x, x], { axis: -1, isa }),
    tolerance: 0,
  },
  split: {
    feeds: { x: image },
    constants: { s: ints(3, 5, 4) },
    nodes: [node('Split', 'x s', { axis: 1 }, 'y z w')],
    outputs: ['y', 'z', 'w'],
    run: (x, { isa }) => lanewise.split(x, [3, 5, 4], { isa }),
    tolerance: 0,
  },
  'split into equal parts': {
    feeds: { x: small },
    constants: { s: ints(2, 2) },
    nodes: [node('Split', 'x s', { axis: 1 }, 'y z')],
    outputs: ['y', 'z'],
    run: (x, { isa }) => lanewise.split(x, 2, { axis: 1, isa }),
    tolerance: 0,
  },
  channelShuffle: {
    feeds: { x: image },
    images: true,
    constants: { s: ints(2, 3, 4, 9, 7), r: ints(2, 12, 9, 7) },
    nodes: [
      node('Reshape', 'x s', {}, 'a'),
      node('Transpose', 'a', { perm: [0, 2, 1, 3, 4] }, 'b'),
      node('Reshape', 'b r'),
    ],
    run: (x, o) => lanewise.channelShuffle(x, 3, o),
    tolerance: 0,
  },
  transpose: {
    feeds: { x: image },
    nodes: [node('Transpose', 'x', { perm: [2, 0, 3, 1] })],
    run: (x, { isa }) => lanewise.transpose(x, [2, 0, 3, 1], { isa }),
    tolerance: 0,
  },
  'transpose, reversed': {
    feeds: { x: small },
    nodes: [node('Transpose', 'x')],
    run: (x, { isa }) => lanewise.transpose(x, undefined, { isa }),
    tolerance: 0,
  },
  ...Object.fromEntries(
    (['constant', 'reflect', 'edge', 'wrap'] as const).map((mode): [string, Case] => [
      `pad, ${mode}`,
      {
        feeds: { x: image },
        constants: { p: ints(0, 1, 2, 0, 1, 0, 3, 4), ...(mode === 'constant' && { v: floats([], [-1.5]) }) },
        nodes: [node('Pad', mode === 'constant' ? 'x p v' : 'x p', { mode })],
        run: (x, { isa }) =>
          lanewise.pad(
            x,
            [
              [0, 1],
              [1, 0],
              [2, 3],
              [0, 4],
            ],
            { mode, value: -1.5, isa },
          ),
        tolerance: 0,
        opset: 19,
      },
    ]),
  ),
  ...Object.fromEntries(
    reduceOps.flatMap(([fn, op]): [string, Case][] => [
      [
        `reduce ${fn}`,
        {
          feeds: { x: positive(image) },
          constants: { axes: ints(1, 3) },
          nodes: [node(op, 'x axes', { keepdims: 0 })],
          run: (x, { isa }) => lanewise.reduce(x, fn, { axes: [1, -1], isa }),
          opset: 18,
          tolerance: 5e-6,
        },
      ],
      [
        `reduce ${fn} of planes, extents kept`,
        {
          feeds: { x: positive(image) },
          constants: { axes: ints(2, 3) },
          nodes: [node(op, 'x axes', { keepdims: 1 })],
          run: (x, { isa }) => lanewise.reduce(x, fn, { axes: [2, 3], keepDims: true, isa }),
          opset: 18,
          tolerance: 5e-6,
        },
      ],
    ]),
  ),
  'reduce everything': {
    feeds: { x: small },
    nodes: [node('ReduceSum', 'x', { keepdims: 0 })],
    run: (x, { isa }) => lanewise.reduce(x, 'sum', { isa }),
    tolerance: 5e-6,
  },
  add: binary(lanewise.add, 'Add', dice.values([5, 1, 3])),
  sub: binary(lanewise.sub, 'Sub', dice.values([4, 1])),
  mul: binary(lanewise.mul, 'Mul', dice.values([2, 5, 4, 3])),
  div: binary(lanewise.div, 'Div', positive(dice.values([1]))),
  'mul, one channel vector': binary(lanewise.mul, 'Mul', dice.values([12, 1, 1]), image),
  minimum: binary(lanewise.minimum, 'Min', corners, lanewise.tensor(corners.data.slice().reverse(), [222])),
  maximum: binary(lanewise.maximum, 'Max', corners, lanewise.tensor(corners.data.slice().reverse(), [222])),
  pow: binary(lanewise.pow, 'Pow', dice.values([2, 1, 4, 3]), positive(a43)),
  relu: unary(lanewise.relu, [node('Relu', 'x')], { tolerance: 0 }),
  clip: unary((x, o) => lanewise.clip(x, { min: -1, max: 2.5, ...o }), [node('Clip', 'x lo hi')], {
    constants: { lo: floats([], [-1]), hi: floats([], [2.5]) },
    tolerance: 0,
  }),
  'clip without bounds': unary(lanewise.clip, [node('Identity', 'x')], { tolerance: 0 }),
  leakyRelu: unary((x, o) => lanewise.leakyRelu(x, { slope: 0.125, ...o }), [node('LeakyRelu', 'x', { alpha: 0.125 })]),
  elu: unary((x, o) => lanewise.elu(x, { alpha: 1.5, ...o }), [node('Elu', 'x', { alpha: 1.5 })]),
  hardSigmoid: unary(
    (x, o) => lanewise.hardSigmoid(x, { alpha: 0.2, beta: 0.4, ...o }),
    [node('HardSigmoid', 'x', { alpha: 0.2, beta: 0.4 })],
  ),
  hardSwish: unary(lanewise.hardSwish, [node('HardSwish', 'x')]),
  sigmoid: unary(lanewise.sigmoid, [node('Sigmoid', 'x')]),
  silu: unary(lanewise.silu, [node('Sigmoid', 'x', {}, 's'), node('Mul', 'x s')], { feeds: { x: bounded } }),
  tanh: unary(lanewise.tanh, [node('Tanh', 'x')]),
  gelu: unary(lanewise.gelu, [node('Gelu', 'x')], { feeds: { x: bounded }, opset: 20 }),
  geluTanh: unary(lanewise.geluTanh, [node('Gelu', 'x', { approximate: 'tanh' })], {
    feeds: { x: bounded },
    opset: 20,
  }),
  softplus: unary(lanewise.softplus, [node('Softplus', 'x')]),
  mish: unary(lanewise.mish, [node('Mish', 'x')], { feeds: { x: bounded }, opset: 18 }),
  abs: unary(lanewise.abs, [node('Abs', 'x')], { tolerance: 0 }),
  neg: unary(lanewise.neg, [node('Neg', 'x')], { tolerance: 0 }),
  exp: unary(lanewise.exp, [node('Exp', 'x')]),
  log: unary(lanewise.log, [node('Log', 'x')]),
  sqrt: unary(lanewise.sqrt, [node('Sqrt', 'x')], { tolerance: 2e-7 }),
  reciprocal: unary(lanewise.reciprocal, [node('Reciprocal', 'x')], { tolerance: 2e-7 }),
  floor: unary(lanewise.floor, [node('Floor', 'x')], { tolerance: 0 }),
  ceil: unary(lanewise.ceil, [node('Ceil', 'x')], { tolerance: 0 }),
  round: unary(lanewise.round, [node('Round', 'x')], { tolerance: 0 }),
  sign: unary(lanewise.sign, [node('Sign', 'x')], { tolerance: 0 }),
  erf: unary(lanewise.erf, [node('Erf', 'x')]),
};

for (const [name, c] of Object.entries(cases)) {
  test(name, async (t) => {
    const outputs = c.outputs ?? ['y'];
    const shapes = Object.fromEntries(Object.entries(c.feeds).map(([key, { shape }]) => [key, shape]));
    const bytes = buildModel({
      inputs: shapes,
      outputs,
      nodes: c.nodes,
      ...(c.constants && { constants: c.constants }),
      opset: c.opset ?? 17,
    });
    const expected = await runOnnxruntime(bytes, c.feeds);
    const x = c.feeds['x']!;
    for (const layout of c.images ? (['nchw', 'nhwc'] as const) : (['nchw'] as const)) {
      for (const isa of isas) {
        const laid = inLayout(x, layout);
        const kept = laid.data.slice();
        const results = [c.run(laid, { layout, isa })].flat();
        t.deepEqual(laid.data, kept, 'the input was written to');
        for (const [i, output] of outputs.entries()) {
          const y = fromLayout(results[i]!, layout);
          const { dims, data } = expected[output]!;
          t.deepEqual([...y.shape], [...dims], `${layout} ${isa}: shape`);
          const finite = Array.from(data).filter(Number.isFinite);
          const off = difference(y.data, data) / Math.max(1e-6, largest(finite));
          t.true(off <= (c.tolerance ?? 2e-6), `${layout} ${isa}: ${output} differs by ${off}`);
        }
      }
    }
  });
}

test('every operator is held against onnxruntime here', (t) => {
  // These have tests of their own, or are no operators.
  const elsewhere = [
    'separableConv2d',
    'prepareConv2d',
    'foldBatchNorm',
    'foldScale',
    'tensor',
    'loadModel',
    'foldModel',
    'fromPixels',
    'cpuInfo',
    'setThreads',
  ];
  const here = Object.keys(cases).map((name) => name.split(/[ ,]/)[0]);
  const functions = Object.entries(lanewise).filter(
    ([, value]) => typeof value === 'function' && !/^class/.test(String(value)),
  );
  t.deepEqual(
    functions.map(([name]) => name).filter((name) => !here.includes(name) && !elsewhere.includes(name)),
    [],
  );
});
