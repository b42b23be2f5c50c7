/** Scales and batch norms into weights, behind and before. */
import { floats, random, scalar, uniform } from '../support/onnx-builder.js';
import { bn, norm, type PassCase, pad1, testPasses, w } from '../support/pass-cases.js';

const folding: PassCase[] = [
  {
    title: 'BN behind a convolution',
    constants: { w, b: random([6], 3), ...bn(6) },
    nodes: [['Conv x w b -> c', pad1], norm('c', 'y')],
    after: 'Conv',
  },
  {
    title: 'BN behind a depthwise convolution',
    constants: { w: random([8, 1, 3, 3], 2), ...bn(8) },
    nodes: [['Conv x w -> c', { ...pad1, group: 4 }], norm('c', 'y')],
    after: 'Conv',
  },
  {
    title: 'BN behind a transposed convolution in groups',
    constants: { w: random([4, 3, 2, 2], 2), ...bn(6) },
    nodes: [['ConvTranspose x w -> c', { group: 2, strides: [2, 2] }], norm('c', 'y')],
    after: 'ConvTranspose',
  },
  {
    title: 'BN behind a Gemm',
    x: [3, 4],
    constants: { w: random([4, 6], 2), b: random([6], 3), ...bn(6) },
    nodes: ['Gemm x w b -> c', norm('c', 'y')],
    after: 'Gemm',
  },
  {
    title: 'BN behind a MatMul with a bias',
    x: [3, 4],
    constants: { w: random([4, 6], 2), b: random([6], 3), ...bn(6) },
    nodes: ['MatMul x w -> m', 'Add m b -> c', norm('c', 'y')],
    after: 'MatMul',
  },
  { title: 'BN by itself is a channel scale', constants: bn(4), nodes: [norm('x', 'y')], after: 'ChannelScale' },
  {
    title: 'BN before a padded convolution',
    constants: { w, b: random([6], 3), ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w b -> y', pad1]],
    after: 'Conv',
    tolerance: 1e-5,
  },
  {
    title: 'BN before a depthwise convolution, strided',
    constants: { w: random([4, 1, 3, 3], 3), ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w -> y', { ...pad1, group: 4, strides: [2, 2] }]],
    after: 'Conv',
  },
  {
    title: 'BN before a grouped convolution',
    constants: { w: random([6, 2, 3, 3], 3), ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w -> y', { auto_pad: 'SAME_UPPER', group: 2 }]],
    after: 'Conv',
  },
  {
    title: 'BN before and behind',
    constants: { w, ...bn(4), ...bn(6, 'o') },
    nodes: [norm('x', 'z'), ['Conv z w -> c', pad1], norm('c', 'y', 'o')],
    after: 'Conv',
  },
  {
    title: 'two scales before a padded convolution',
    constants: { w, ...bn(4), ...bn(4, 'o', 9) },
    nodes: [norm('x', 'z'), 'Relu x -> r', norm('z', 'q', 'o'), ['Conv q w -> y', pad1]],
    after: 'Conv',
  },
  {
    title: 'a zero scale before padding is refused',
    constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]), t: floats([4, 1, 1], [1, 2, 3, 4]) },
    nodes: ['Mul x s -> m', 'Add m t -> z', ['Conv z w -> y', pad1]],
    after: 'ChannelScale Conv',
  },
  {
    title: 'a zero scale without a shift folds',
    constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]) },
    nodes: ['Mul x s -> z', ['Conv z w -> y', pad1]],
    after: 'Conv',
  },
  {
    title: 'a zero scale without padding folds',
    constants: { w, s: floats([4, 1, 1], [1, 0, 2, 3]), t: floats([4, 1, 1], [1, 2, 3, 4]) },
    nodes: ['Mul x s -> m', 'Add m t -> z', 'Conv z w -> y'],
    after: 'Conv',
  },
  {
    title: 'a scale two convolutions read folds into both',
    constants: { w, v: random([4, 4, 1, 1], 5), ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w -> a', pad1], 'Conv z v -> b', 'Relu a -> ya', 'Relu b -> yb'],
    outputs: ['ya', 'yb'],
    after: 'Conv Conv',
  },
  {
    title: 'a scale somebody else reads stays',
    constants: { w, ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w -> a', pad1], 'Sqrt z -> q', 'Relu q -> yb'],
    outputs: ['a', 'yb'],
    after: 'ChannelScale Conv Sqrt Relu',
  },
  {
    title: 'a scale that is an output stays',
    constants: { w, ...bn(4) },
    nodes: [norm('x', 'z'), ['Conv z w -> a', pad1]],
    outputs: ['a', 'z'],
    after: 'ChannelScale Conv',
  },
  {
    title: 'BN of a convolution two nodes read stays',
    constants: { w, ...bn(6) },
    nodes: ['Conv x w -> c', norm('c', 'z'), 'Relu c -> r'],
    outputs: ['z', 'r'],
    after: 'Conv ChannelScale Relu',
  },
  {
    title: 'scalars and channel constants around a convolution',
    constants: { w, a: scalar(2), b: floats([1], [-1]), c: random([1, 6, 1, 1], 4), d: uniform([6, 1, 1], 5, 1, 2) },
    nodes: ['Mul a x -> p', 'Sub p b -> q', 'Conv q w -> r', 'Add r c -> s', 'Div s d -> t', 'Sub a t -> y'],
    after: 'Conv',
  },
  {
    title: 'a shift before a transposed convolution is refused',
    constants: { w: random([4, 3, 2, 2], 2), s: scalar(2), t: scalar(1) },
    nodes: ['Mul x s -> m', 'Add m t -> z', ['ConvTranspose z w -> y', { strides: [2, 2] }]],
    after: 'ChannelScale ConvTranspose',
  },
  {
    title: 'a scale before a transposed convolution folds',
    constants: { w: random([4, 3, 2, 2], 2), s: random([4, 1, 1], 3) },
    nodes: ['Mul x s -> z', ['ConvTranspose z w -> y', { strides: [2, 2] }]],
    after: 'ConvTranspose',
  },
  {
    title: 'columns behind a batched MatMul',
    x: [2, 3, 4],
    constants: { w: random([4, 6], 2), b: random([6], 3), s: uniform([6], 4, 1, 2) },
    nodes: ['MatMul x w -> m', 'Add b m -> a', 'Div a s -> y'],
    after: 'MatMul',
  },
  {
    title: 'a constant along another axis than the columns stays',
    x: [2, 6, 4],
    constants: { w: random([4, 6], 2), b: random([6, 1], 3) },
    nodes: ['MatMul x w -> m', 'Add m b -> y'],
    after: 'MatMul ChannelScale',
  },
];

testPasses(folding);
