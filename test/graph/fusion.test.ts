/** What goes into the operator before it, and what must not. */
import { float, ints, random, scalar } from '../support/onnx-builder.js';
import { type PassCase, pad1, testPasses, w } from '../support/pass-cases.js';

const squeeze = { a: random([2, 4, 1, 1], 1), b: random([2], 2), c: random([4, 2, 1, 1], 3), d: random([4], 4) };
const squeezed: PassCase['nodes'] = [
  'GlobalAveragePool x -> p',
  'Conv p a b -> q',
  'Relu q -> r',
  'Conv r c d -> s',
  ['HardSigmoid s -> g', { alpha: 0.3, beta: float(0.5) }],
];

const fusion: PassCase[] = [
  { title: 'Relu', constants: { w }, nodes: ['Conv x w -> c', 'Relu c -> y'], after: 'Conv' },
  {
    title: 'PRelu per channel',
    constants: { w, s: random([6, 1, 1], 3) },
    nodes: ['Conv x w -> c', 'PRelu c s -> y'],
    after: 'Conv',
  },
  {
    title: 'an activation somebody else bypasses',
    constants: { w },
    nodes: ['Conv x w -> c', 'Relu c -> r', 'Sigmoid c -> s', 'Mul r s -> y'],
    after: 'Conv Relu Sigmoid Mul',
  },
  {
    title: 'residual and Relu',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Add z c -> a', 'Relu a -> y'],
    after: 'Conv',
  },
  {
    title: 'residual behind an activation',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Relu c -> r', 'Add r z -> y'],
    after: 'Conv',
  },
  {
    title: 'two convolutions added: the later takes the sum',
    inputs: { x: [2, 4, 5, 6], z: [2, 4, 5, 6] },
    constants: { w, v: random([6, 4, 1, 1], 8) },
    nodes: [['Conv x w -> a', pad1], 'Conv z v -> b', 'Add a b -> s', 'Relu s -> y'],
    after: 'Conv Conv',
  },
  {
    title: 'a broadcast addition is no residual',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 1, 1] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Add c z -> y'],
    after: 'Conv Add',
  },
  {
    title: 'residual computed after the convolution',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Tanh z -> t', 'Add c t -> y'],
    after: 'Tanh Conv',
  },
  {
    title: 'gate of the same shape',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 5, 6] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Sigmoid c -> s', 'Mul s z -> y'],
    after: 'Conv',
  },
  {
    title: 'gate per channel',
    inputs: { x: [2, 4, 5, 6], z: [2, 6, 1, 1] },
    constants: { w },
    nodes: [['Conv x w -> c', pad1], 'Mul z c -> y'],
    after: 'Conv',
  },
  {
    title: 'binary with activation',
    inputs: { x: [2, 4], z: [2, 4] },
    nodes: ['Add x z -> a', 'Relu a -> y'],
    after: 'Add',
  },
  {
    title: 'Pad into a convolution',
    constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1) },
    nodes: ['Pad x p -> z', ['Conv z w -> y', pad1]],
    after: 'Conv',
  },
  {
    title: 'Pad of another value into a convolution',
    constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1), v: scalar(0.7) },
    nodes: ['Pad x p v -> z', 'Conv z w -> y'],
    after: 'Conv',
  },
  {
    title: 'Pad of another value around pads stays',
    constants: { w, p: ints(0, 0, 1, 2, 0, 0, 0, 1), v: scalar(0.7) },
    nodes: ['Pad x p v -> z', ['Conv z w -> y', pad1]],
    after: 'Pad Conv',
  },
  {
    title: 'Pad into an average pool',
    constants: { p: ints(0, 0, 1, 1, 0, 0, 1, 1) },
    nodes: ['Pad x p -> z', ['AveragePool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]],
    after: 'AveragePool',
  },
  {
    title: 'Pad of a Relu into a max pool',
    constants: { w, p: ints(0, 0, 1, 1, 0, 0, 1, 1) },
    nodes: ['Relu x -> r', 'Pad r p -> z', ['MaxPool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]],
    after: 'Relu MaxPool',
  },
  {
    title: 'Pad by zero into a max pool of anything stays',
    constants: { w, p: ints(0, 0, 1, 1, 0, 0, 1, 1) },
    nodes: ['Pad x p -> z', ['MaxPool z -> y', { kernel_shape: [3, 3], strides: [2, 2] }]],
    after: 'Pad MaxPool',
  },
  {
    title: 'Transpose into MatMul',
    inputs: { x: [2, 3, 4], z: [2, 5, 4] },
    nodes: [['Transpose z -> t', { perm: [0, 2, 1] }], 'MatMul x t -> y'],
    after: 'MatMul',
  },
  {
    title: 'squeeze-and-excitation by convolutions',
    constants: squeeze,
    nodes: [...squeezed, 'Mul x g -> y'],
    after: 'SqueezeExcite',
  },
  {
    title: 'squeeze-and-excitation by matrix products',
    constants: { a: random([2, 4], 1), b: random([2], 2), c: random([2, 4], 3), n: ints(0, 4, 1, 1) },
    nodes: [
      ['ReduceMean x -> p', { axes: [2, 3] }],
      ['Flatten p -> f', {}],
      ['Gemm f a b -> q', { transB: 1 }],
      'Relu q -> r',
      'MatMul r c -> s',
      'Sigmoid s -> g',
      'Reshape g n -> h',
      'Mul h x -> y',
    ],
    after: 'SqueezeExcite',
    opset: 13,
  },
  {
    title: 'squeeze-and-excitation beside its input',
    constants: squeeze,
    nodes: [...squeezed, 'Mul x g -> m', 'Add x m -> y'],
    after: 'SqueezeExcite',
  },
  {
    title: 'squeeze-and-excitation whose product is read twice',
    constants: squeeze,
    nodes: [...squeezed, 'Mul x g -> m', 'Add x m -> t', 'Mul t m -> y'],
    after: 'SqueezeExcite Add Mul',
  },
];

testPasses(fusion);
