/** Activations and normalisations written out in primitives. */
import { ints, random, scalar, type TensorSpec } from '../support/onnx-builder.js';
import { type PassCase, pad1, testPasses, w } from '../support/pass-cases.js';

const numbers = {
  c3: scalar(3),
  c0: scalar(0),
  c6: scalar(6),
  c1: scalar(1),
  half: scalar(0.5),
  sixth: scalar(1 / 6),
  two: scalar(2),
  three: scalar(3),
};

const hardSwishes: Record<string, string[]> = {
  'x * clip(x+3) / 6': ['Add x c3 -> a', 'Clip a c0 c6 -> b', 'Mul x b -> m', 'Div m c6 -> y'],
  'clip(x+3) * x / 6': ['Add c3 x -> a', 'Clip a c0 c6 -> b', 'Mul b x -> m', 'Div m c6 -> y'],
  'x * (clip(x+3) / 6)': ['Add x c3 -> a', 'Clip a c0 c6 -> b', 'Div b c6 -> d', 'Mul x d -> y'],
  '(x / 6) * clip(x+3)': ['Add x c3 -> a', 'Clip a c0 c6 -> b', 'Div x c6 -> d', 'Mul d b -> y'],
  'x * clip(x+3) * 1/6': ['Add x c3 -> a', 'Clip a c0 c6 -> b', 'Mul x b -> m', 'Mul sixth m -> y'],
  'x * clip(x/6 + 1/2, 0, 1)': ['Div x c6 -> d', 'Add d half -> a', 'Clip a c0 c1 -> b', 'Mul x b -> y'],
  'x * HardSigmoid(x)': ['HardSigmoid x -> h', 'Mul h x -> y'],
};
const hardSigmoids: Record<string, string[]> = {
  'clip(x+3) / 6': ['Add x c3 -> a', 'Clip a c0 c6 -> b', 'Div b c6 -> y'],
  'clip(x/6 + 1/2, 0, 1)': ['Mul x sixth -> d', 'Add d half -> a', 'Clip a c0 c1 -> y'],
};
const erfPart = ['Div x root -> d', 'Erf d -> e', 'Add e c1 -> p'];
const cube = [
  'Mul x x -> x2',
  'Mul x2 x -> x3',
  'Mul x3 k -> kx',
  'Add x kx -> s',
  'Mul s r -> t',
  'Tanh t -> h',
  'Add h c1 -> p',
];
const gelus: Record<string, string[]> = {
  '0.5 * x * (1+erf)': [...erfPart, 'Mul x half -> hx', 'Mul hx p -> y'],
  'x * (1+erf) * 0.5': [...erfPart, 'Mul x p -> m', 'Mul m half -> y'],
  'x * ((1+erf) * 0.5)': [...erfPart, 'Mul p half -> q', 'Mul x q -> y'],
  'tanh, cube by products': [...cube, 'Mul x half -> hx', 'Mul hx p -> y'],
  'tanh, cube by Pow': ['Pow x three -> x3', ...cube.slice(2), 'Mul x p -> m', 'Mul m half -> y'],
};
const geluConstants = { ...numbers, root: scalar(Math.SQRT2), k: scalar(0.044715), r: scalar(Math.sqrt(2 / Math.PI)) };
const patternsOf = (table: Record<string, string[]>, op: string, constants: Record<string, TensorSpec>): PassCase[] =>
  Object.entries(table).flatMap(([title, nodes]) => [
    { title: `${op}: ${title}`, constants, nodes, after: op, range: 5 },
    {
      title: `${op} behind a convolution: ${title}`,
      constants: { ...constants, w },
      nodes: [['Conv x w -> in', pad1] as const, ...nodes.map((line) => line.replace(/\bx\b/g, 'in'))],
      after: 'Conv',
    },
  ]);

const layerNorm = [
  'ReduceMean x -> m',
  'Sub x m -> d',
  'Pow d two -> q',
  'ReduceMean q -> v',
  'Add v eps -> ve',
  'Sqrt ve -> s',
  'Div d s -> n',
];
const withAxes = (lines: string[]): PassCase['nodes'] =>
  lines.map((line) => (line.startsWith('ReduceMean') ? [line, { axes: [-1] }] : line));

const patterns: PassCase[] = [
  ...patternsOf(hardSwishes, 'HardSwish', numbers),
  ...patternsOf(hardSigmoids, 'HardSigmoid', numbers),
  ...patternsOf(
    {
      'x * Sigmoid(x)': ['Sigmoid x -> s', 'Mul s x -> y'],
      'x * Sigmoid(1 * x)': ['Mul x c1 -> b', 'Sigmoid b -> s', 'Mul x s -> y'],
    },
    'Silu',
    numbers,
  ),
  ...patternsOf(gelus, 'Gelu', geluConstants),
  {
    title: 'LayerNorm with gamma and beta',
    x: [2, 3, 8],
    constants: { ...numbers, eps: scalar(1e-5), g: random([8], 1), b: random([8], 2) },
    nodes: [...withAxes(layerNorm), 'Mul n g -> o', 'Add o b -> y'],
    after: 'LayerNormalization',
    opset: 12,
  },
  {
    title: 'LayerNorm without',
    x: [2, 3, 8],
    constants: { ...numbers, eps: scalar(1e-5) },
    nodes: withAxes([...layerNorm.slice(0, -1), 'Div d s -> y']),
    after: 'LayerNormalization',
    opset: 12,
  },
  {
    title: 'a mean over another axis is no LayerNorm',
    x: [2, 3, 8],
    constants: { ...numbers, eps: scalar(1e-5) },
    nodes: layerNorm.map((line): PassCase['nodes'][number] =>
      line.startsWith('ReduceMean') ? [line, { axes: [1] }] : line.replace('-> n', '-> y'),
    ),
    after: 'ReduceMean Sub Pow ReduceMean ChannelScale Sqrt Div',
    opset: 12,
  },
  {
    title: 'channel shuffle',
    x: [2, 6, 3, 4],
    constants: { a: ints(2, 3, 2, 3, 4), b: ints(2, 6, 3, 4) },
    nodes: ['Reshape x a -> p', ['Transpose p -> q', { perm: [0, 2, 1, 3, 4] }], 'Reshape q b -> y'],
    after: 'ChannelShuffle',
  },
  {
    title: 'x * Sigmoid(2x) is no Silu',
    constants: numbers,
    nodes: ['Mul x two -> b', 'Sigmoid b -> s', 'Mul x s -> y'],
    after: 'ChannelScale Mul',
  },
];

testPasses(patterns);
