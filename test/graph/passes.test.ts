/** Passes: a tiny graph before, the operators after, and results that agree with onnxruntime's of the graph before. */
import test from 'ava';
import { checkModel, opsOf } from '../support/check-model.js';
import { float, floats, ints, type ModelSpec, type NodeSpec, random, scalar, type TensorSpec, uniform } from '../support/onnx-builder.js';

interface Case {
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

const modelOf = ({ x, inputs, constants = {}, nodes, outputs = ['y'], opset }: Case): ModelSpec => ({
  inputs: inputs ?? { x: x ?? [2, 4, 5, 6] },
  constants,
  nodes: nodes.map(nodeOf),
  outputs,
  ...(opset !== undefined && { opset }),
});

const bn = (channels: number, prefix = '', seed = 1): Record<string, TensorSpec> => ({
  [`${prefix}gamma`]: uniform([channels], seed, 0.5, 1.5),
  [`${prefix}beta`]: random([channels], seed + 1),
  [`${prefix}mean`]: random([channels], seed + 2),
  [`${prefix}variance`]: uniform([channels], seed + 3, 0.2, 2),
});
const norm = (x: string, y: string, prefix = '') => `BatchNormalization ${x} ${prefix}gamma ${prefix}beta ${prefix}mean ${prefix}variance -> ${y}`;
const pad1 = { pads: [1, 1, 1, 1] };
const w = random([6, 4, 3, 3], 11);
const numbers = { c3: scalar(3), c0: scalar(0), c6: scalar(6), c1: scalar(1), half: scalar(0.5), sixth: scalar(1 / 6), two: scalar(2), three: scalar(3) };

const folding: Case[] = [
  { title: 'BN behind a convolution', constants: { w, b: random([6], 3), ...bn(6) }, nodes: [['Conv x w b -> c', pad1], norm('c', 'y')], after: 'Conv' },
  { title: 'BN behind a depthwise convolution', constants: { w: random([8, 1, 3, 3], 2), ...bn(8) }, nodes: [['Conv x w -> c', { ...pad1, group: 4 }], norm('c', 'y')], after: 'Conv' },
  { title: 'BN behind a transposed convolution in groups', constants: { w: random([4, 3, 2, 2], 2), ...bn(6) }, nodes: [['ConvTranspose x w -> c', { group: 2, strides: [2, 2] }], norm('c', 'y')], after: 'ConvTranspose' },
  { title: 'BN behind a Gemm', x: [3, 4], constants: { w: random([4, 6], 2), b: random([6], 3), ...bn(6) }, nodes: ['Gemm x w b -> c', norm('c', 'y')], after: 'Gemm' },
  { title: 'BN behind a MatMul with a bias', x: [3, 4], constants: { w: random([4, 6], 2), b: random([6], 3), ...bn(6) }, nodes: ['MatMul x w -> m', 'Add m b -> c', norm('c', 'y')], after: 'MatMul' },
  { title: 'BN by itself is a channel scale', constants: bn(4), nodes: [norm('x', 'y')], after: 'ChannelScale' },
  { title: 'BN before a padded convolution', constants: { w, b: random([6], 3), ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w b -> y', pad1]], after: 'Conv', tolerance: 1e-5 },
  { title: 'BN before a depthwise convolution, strided', constants: { w: random([4, 1, 3, 3], 3), ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w -> y', { ...pad1, group: 4, strides: [2, 2] }]], after: 'Conv' },
  { title: 'BN before a grouped convolution', constants: { w: random([6, 2, 3, 3], 3), ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w -> y', { auto_pad: 'SAME_UPPER', group: 2 }]], after: 'Conv' },
  { title: 'BN before and behind', constants: { w, ...bn(4), ...bn(6, 'o') }, nodes: [norm('x', 'z'), ['Conv z w -> c', pad1], norm('c', 'y', 'o')], after: 'Conv' },
  { title: 'two scales before a padded convolution', constants: { w, ...bn(4), ...bn(4, 'o', 9) }, nodes: [norm('x', 'z'), 'Relu x -> r', norm('z', 'q', 'o'), ['Conv q w -> y', pad1]], after: 'Conv' },
  { title: 'a zero scale before padding is refused', constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]), t: floats([4, 1, 1], [1, 2, 3, 4]) }, nodes: ['Mul x s -> m', 'Add m t -> z', ['Conv z w -> y', pad1]], after: 'ChannelScale Conv' },
  { title: 'a zero scale without a shift folds', constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]) }, nodes: ['Mul x s -> z', ['Conv z w -> y', pad1]], after: 'Conv' },
  { title: 'a zero scale without padding folds', constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]), t: floats([4, 1, 1], [1, 2, 3, 4]) }, nodes: ['Mul x s -> m', 'Add m t -> z', 'Conv z w -> y'], after: 'Conv' },
  { title: 'a scale two convolutions read folds into both', constants: { w, v: random([4, 4, 1, 1], 5), ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w -> a', pad1], 'Conv z v -> b', 'Relu a -> ya', 'Relu b -> yb'], outputs: ['ya', 'yb'], after: 'Conv Conv' },
  { title: 'a scale somebody else reads stays', constants: { w, ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w -> a', pad1], 'Sqrt z -> q', 'Relu q -> yb'], outputs: ['a', 'yb'], after: 'ChannelScale Conv Sqrt Relu' },
  { title: 'a scale that is an output stays', constants: { w, ...bn(4) }, nodes: [norm('x', 'z'), ['Conv z w -> a', pad1]], outputs: ['a', 'z'], after: 'ChannelScale Conv' },
  { title: 'BN of a convolution two nodes read stays', constants: { w, ...bn(6) }, nodes: ['Conv x w -> c', norm('c', 'z'), 'Relu c -> r'], outputs: ['z', 'r'], after: 'Conv ChannelScale Relu' },
  { title: 'scalars and channel constants around a convolution', constants: { w, a: scalar(2), b: floats([1], [-1]), c: random([1, 6, 1, 1], 4), d: uniform([6, 1, 1], 5, 1, 2) }, nodes: ['Mul a x -> p', 'Sub p b -> q', 'Conv q w -> r', 'Add r c -> s', 'Div s d -> t', 'Sub a t -> y'], after: 'Conv' },
  { title: 'a shift before a transposed convolution is refused', constants: { w: random([4, 3, 2, 2], 2), s: scalar(2), t: scalar(1) }, nodes: ['Mul x s -> m', 'Add m t -> z', ['ConvTranspose z w -> y', { strides: [2, 2] }]], after: 'ChannelScale ConvTranspose' },
  { title: 'a scale before a transposed convolution folds', constants: { w: random([4, 3, 2, 2], 2), s: random([4, 1, 1], 3) }, nodes: ['Mul x s -> z', ['ConvTranspose z w -> y', { strides: [2, 2] }]], after: 'ConvTranspose' },
  { title: 'columns behind a batched MatMul', x: [2, 3, 4], constants: { w: random([4, 6], 2), b: random([6], 3), s: uniform([6], 4, 1, 2) }, nodes: ['MatMul x w -> m', 'Add b m -> a', 'Div a s -> y'], after: 'MatMul' },
  { title: 'a constant along another axis than the columns stays', x: [2, 6, 4], constants: { w: random([4, 6], 2), b: random([6, 1], 3) }, nodes: ['MatMul x w -> m', 'Add m b -> y'], after: 'MatMul ChannelScale' },
];

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
const cube = ['Mul x x -> x2', 'Mul x2 x -> x3', 'Mul x3 k -> kx', 'Add x kx -> s', 'Mul s r -> t', 'Tanh t -> h', 'Add h c1 -> p'];
const gelus: Record<string, string[]> = {
  '0.5 * x * (1+erf)': [...erfPart, 'Mul x half -> hx', 'Mul hx p -> y'],
  'x * (1+erf) * 0.5': [...erfPart, 'Mul x p -> m', 'Mul m half -> y'],
  'x * ((1+erf) * 0.5)': [...erfPart, 'Mul p half -> q', 'Mul x q -> y'],
  'tanh, cube by products': [...cube, 'Mul x half -> hx', 'Mul hx p -> y'],
  'tanh, cube by Pow': ['Pow x three -> x3', ...cube.slice(2), 'Mul x p -> m', 'Mul m half -> y'],
};
const geluConstants = { ...numbers, root: scalar(Math.SQRT2), k: scalar(0.044715), r: scalar(Math.sqrt(2 / Math.PI)) };
const patternsOf = (table: Record<string, string[]>, op: string, constants: Record<string, TensorSpec>): Case[] =>
  Object.entries(table).flatMap(([title, nodes]) => [
    { title: `${op}: ${title}`, constants, nodes, after: op, range: 5 },
    { title: `${op} behind a convolution: ${title}`, constants: { ...constants, w }, nodes: [['Conv x w -> in', pad1] as const, ...nodes.map((line) => line.replace(/\bx\b/g, 'in'))], after: 'Conv' },
  ]);

const layerNorm = ['ReduceMean x -> m', 'Sub x m -> d', 'Pow d two -> q', 'ReduceMean q -> v', 'Add v eps -> ve', 'Sqrt ve -> s', 'Div d s -> n'];
const withAxes = (lines: string[]): Case['nodes'] => lines.map((line) => (line.startsWith('ReduceMean') ? [line, { axes: [-1] }] : line));

const patterns: Case[] = [
  ...patternsOf(hardSwishes, 'HardSwish', numbers),
  ...patternsOf(hardSigmoids, 'HardSigmoid', numbers),
  ...patternsOf({ 'x * Sigmoid(x)': ['Sigmoid x -> s', 'Mul s x -> y'], 'x * Sigmoid(1 * x)': ['Mul x c1 -> b', 'Sigmoid b -> s', 'Mul x s -> y'] }, 'Silu', numbers),
  ...patternsOf(gelus, 'Gelu', geluConstants),
  { title: 'LayerNorm with gamma and beta', x: [2, 3, 8], constants: { ...numbers, eps: scalar(1e-5), g: random([8], 1), b: random([8], 2) }, nodes: [...withAxes(layerNorm), 'Mul n g -> o', 'Add o b -> y'], after: 'LayerNormalization', opset: 12 },
  { title: 'LayerNorm without', x: [2, 3, 8], constants: { ...numbers, eps: scalar(1e-5) }, nodes: withAxes([...layerNorm.slice(0, -1), 'Div d s -> y']), after: 'LayerNormalization', opset: 12 },
  { title: 'a mean over another axis is no LayerNorm', x: [2, 3, 8], constants: { ...numbers, eps: scalar(1e-5) }, nodes: layerNorm.map((line): Case['nodes'][number] => (line.startsWith('ReduceMean') ? [line, { axes: [1] }] : line.replace('-> n', '-> y'))), after: 'ReduceMean Sub Pow ReduceMean ChannelScale Sqrt Div', opset: 12 },
  { title: 'channel shuffle', x: [2, 6, 3, 4], constants: { a: ints(2, 3, 2, 3, 4), b: ints(2, 6, 3, 4) }, nodes: ['Reshape x a -> p', ['Transpose p -> q', { perm: [0, 2, 1, 3, 4] }], 'Reshape q b -> y'], after: 'ChannelShuffle' },
  { title: 'x * Sigmoid(2x) is no Silu', constants: numbers, nodes: ['Mul x two -> b', 'Sigmoid b -> s', 'Mul x s -> y'], after: 'ChannelScale Mul' },
];

const fusion: Case[] = [
  { title: 'Relu', constants: { w }, nodes: ['Conv x w -> c', 'Relu c -> y'], after: 'Conv' },
  { title: 'PRelu per channel', constants: { w, s: random([6, 1, 1], 3) }, nodes: ['Conv x w -> c', 'PRelu c s -> y'], after: 'Conv' },
  { title: 'an activation somebody else bypasses', constants: { w }, nodes: ['Conv x w -> c', 'Relu c -> r', 'Sigmoid c -> s', 'Mul r s -> y'], after: 'Conv Relu Sigmoid Mul' },
  { title: 'residual and Relu', inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Add z c -> a', 'Relu a -> y'], after: 'Conv' },
  { title: 'residual behind an activation', inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Relu c -> r', 'Add r z -> y'], after: 'Conv' },
  { title: 'two convolutions added: the later takes the sum', inputs: { x: [2, 4, 5, 6], z: [2, 4, 5, 6] }, constants: { w, v: random([6, 4, 1, 1], 8) }, nodes: [['Conv x w -> a', pad1], 'Conv z v -> b', 'Add a b -> s', 'Relu s -> y'], after: 'Conv Conv' },
  { title: 'a broadcast addition is no residual', inputs: { x: [2, 4, 5, 6], z: [2, 6, 1, 1] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Add c z -> y'], after: 'Conv Add' },
  { title: 'residual computed after the convolution', inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Tanh z -> t', 'Add c t -> y'], after: 'Tanh Conv' },
  { title: 'gate of the same shape', inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Sigmoid c -> s', 'Mul s z -> y'], after: 'Conv' },
  { title: 'gate per channel', inputs: { x: [2, 4, 5, 6], z: [2, 6, 1, 1] }, constants: { w }, nodes: [['Conv x w -> c', pad1], 'Mul z c -> y'], after: 'Conv' },
  { title: 'binary with activation', inputs: { x: [2, 4], z: [2, 4] }, nodes: ['Add x z -> a', 'Relu a -> y'], after: 'Add' },
  { title: 'Pad into a convolution', constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1) }, nodes: ['Pad x p -> z', ['Conv z w -> y', pad1]], after: 'Conv' },
  { title: 'Pad of another value into a convolution', constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1), v: scalar(0.7) }, nodes: ['Pad x p v -> z', 'Conv z w -> y'], after: 'Conv' },
  { title: 'Pad of another value around pads stays', constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1), v: scalar(0.7) }, nodes: ['Pad x p v -> z', ['Conv z w -> y', pad1]], after: 'Pad Conv' },
  { title: 'Pad into an average pool', constants: { p: ints(0, 0, 1, 1, 0, 0, 1, 1) }, nodes: ['Pad x p -> z', ['AveragePool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]], after: 'AveragePool' },
  { title: 'Pad of a Relu into a max pool', constants: { w, p: ints(0, 0, 1, 1, 0, 0, 1, 1) }, nodes: ['Relu x -> r', 'Pad r p -> z', ['MaxPool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]], after: 'Relu MaxPool' },
  { title: 'Pad by zero into a max pool of anything stays', constants: { w, p: ints(0, 0, 1, 1, 0, 0, 1, 1) }, nodes: ['Pad x p -> z', ['MaxPool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]], after: 'Pad MaxPool' },
  { title: 'Transpose into MatMul', inputs: { x: [2, 3, 4], z: [2, 5, 4] }, nodes: [['Transpose z -> t', { perm: [0, 2, 1] }], 'MatMul x t -> y'], after: 'MatMul' },
  { title: 'squeeze-and-excitation by convolutions', constants: { a: random([2, 4, 1, 1], 1), b: random([2], 2), c: random([4, 2, 1, 1], 3), d: random([4], 4) }, nodes: ['GlobalAveragePool x -> p', 'Conv p a b -> q', 'Relu q -> r', 'Conv r c d -> s', ['HardSigmoid s -> g', { alpha: 0.3, beta: float(0.5) }], 'Mul x g -> y'], after: 'SqueezeExcite' },
  { title: 'squeeze-and-excitation by matrix products', constants: { a: random([2, 4], 1), b: random([2], 2), c: random([2, 4], 3), n: ints(0, 4, 1, 1) }, nodes: [['ReduceMean x -> p', { axes: [2, 3] }], ['Flatten p -> f', {}], ['Gemm f a b -> q', { transB: 1 }], 'Relu q -> r', 'MatMul r c -> s', 'Sigmoid s -> g', 'Reshape g n -> h', 'Mul h x -> y'], after: 'SqueezeExcite', opset: 13 },
];

const repVgg = { k3: random([4, 4, 3, 3], 1), k1: random([4, 4, 1, 1], 2), ...bn(4, 'a', 1), ...bn(4, 'b', 5), ...bn(4, 'c', 9) };
const branches: Case[] = [
  { title: 'RepVGG with identity', constants: repVgg, nodes: [['Conv x k3 -> p', pad1], norm('p', 'q', 'a'), 'Conv x k1 -> r', norm('r', 's', 'b'), norm('x', 't', 'c'), 'Add q s -> u', 'Add u t -> v', 'Relu v -> y'], after: 'Conv' },
  { title: 'RepVGG by Sum', constants: repVgg, nodes: [['Conv x k3 -> p', pad1], norm('p', 'q', 'a'), 'Conv x k1 -> r', norm('r', 's', 'b'), norm('x', 't', 'c'), 'Sum t s q -> v', 'Relu v -> y'], after: 'Conv' },
  { title: 'RepVGG with stride', constants: repVgg, nodes: [['Conv x k3 -> p', { ...pad1, strides: [2, 2] }], norm('p', 'q', 'a'), ['Conv x k1 -> r', { strides: [2, 2] }], norm('r', 's', 'b'), 'Add q s -> v', 'Relu v -> y'], after: 'Conv' },
  { title: 'RepVGG in groups', constants: { ...repVgg, k3: random([4, 2, 3, 3], 1), k1: random([4, 2, 1, 1], 2) }, nodes: [['Conv x k3 -> p', { ...pad1, group: 2 }], norm('p', 'q', 'a'), ['Conv x k1 -> r', { group: 2 }], norm('r', 's', 'b'), norm('x', 't', 'c'), 'Add q s -> u', 'Add u t -> y'], after: 'Conv' },
  { title: 'ACB', constants: { k33: w, k13: random([6, 4, 1, 3], 2), k31: random([6, 4, 3, 1], 3) }, nodes: [['Conv x k33 -> p', pad1], ['Conv x k13 -> q', { pads: [0, 1, 0, 1] }], ['Conv x k31 -> r', { pads: [1, 0, 1, 0] }], 'Add q r -> s', 'Add p s -> y'], after: 'Conv' },
  { title: 'the input itself', constants: { k3: random([4, 4, 3, 3], 1) }, nodes: [['Conv x k3 -> p', pad1], 'Add x p -> y'], after: 'Conv' },
  { title: 'branches and a term from elsewhere', inputs: { x: [2, 4, 5, 6], z: [2, 4, 5, 6] }, constants: { k3: random([4, 4, 3, 3], 1), k1: random([4, 4, 1, 1], 2) }, nodes: [['Conv x k3 -> p', pad1], 'Conv x k1 -> q', 'Add p z -> s', 'Add s q -> y'], after: 'Conv' },
  { title: 'branches that disagree about the border', constants: { ...repVgg, k: w, l: random([6, 4, 3, 3], 4) }, nodes: [norm('x', 'z', 'a'), ['Conv z k -> p', pad1], ['Conv x l -> q', pad1], 'Add p q -> y'], after: 'Conv Conv' },
  { title: 'strips alone would grow', constants: { k13: random([6, 4, 1, 3], 2), k31: random([6, 4, 3, 1], 3) }, nodes: [['Conv x k13 -> q', { pads: [0, 1, 0, 1] }], ['Conv x k31 -> r', { pads: [1, 0, 1, 0] }], 'Add q r -> y'], after: 'Conv Conv' },
];

const cleanup: Case[] = [
  { title: 'shape arithmetic', constants: { i: ints(0), one: ints(-1) }, nodes: ['Shape x -> s', 'Gather s i -> n', ['Concat n one -> t', { axis: 0 }], 'Reshape x t -> r', 'Relu r -> y'], after: 'Reshape Relu' },
  { title: 'moves that change nothing', constants: { p: ints(0, 0, 0, 0, 0, 0, 0, 0), n: ints(2, 4, 5, 6) }, nodes: ['Identity x -> a', 'Pad a p -> b', ['Transpose b -> c', { perm: [0, 1, 2, 3] }], 'Reshape c n -> d', ['Cast d -> e', { to: 1 }], 'Dropout e -> f', ['Concat f -> g', { axis: 1 }], 'Relu g -> y'], after: 'Relu' },
  { title: 'reshape of a reshape, transpose of a transpose', constants: { a: ints(2, -1), b: ints(8, 30) }, nodes: [['Transpose x -> s', { perm: [0, 2, 3, 1] }], ['Transpose s -> t', { perm: [0, 3, 1, 2] }], 'Reshape t a -> r', 'Reshape r b -> q', 'Relu q -> y'], after: 'Reshape Relu' },
  { title: 'float constants', constants: { a: random([4, 1, 1], 1), b: random([4, 1, 1], 2) }, nodes: ['Add a b -> c', 'Mul x c -> y'], after: 'ChannelScale' },
  { title: 'what nobody reads', nodes: ['Relu x -> y', 'Sigmoid x -> z', 'Neg z -> q'], after: 'Relu' },
  { title: 'an output behind a no-op keeps its name', nodes: ['Relu x -> r', 'Identity r -> y'], after: 'Relu' },
  { title: 'Where, Equal and Expand on shapes', x: [2, 3, 4, 5], constants: { k: ints(2, 1, 4, 5), m: ints(-1), n: ints(2, 3, 4, 5) }, nodes: ['Equal n m -> e', 'Where e k n -> f', 'Expand x f -> h', 'Relu h -> y'], after: 'Relu' },
];

for (const item of [...folding, ...patterns, ...fusion, ...branches, ...cleanup]) {
  test(item.title, async (t) => {
    const x = random([2, 4, 5, 6], 3);
    const feeds = item.range === undefined ? {} : { feeds: { x: { ...x, data: x.data.map((value) => value * item.range!) } } };
    const compiled = await checkModel(t, modelOf(item), { tolerance: item.tolerance ?? 5e-6, ...feeds });
    t.is(opsOf(compiled).join(' '), item.after);
  });
}
