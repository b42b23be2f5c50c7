/** Parallel branches that become one convolution. */
import { random } from '../support/onnx-builder.js';
import { bn, norm, type PassCase, pad1, testPasses, w } from '../support/pass-cases.js';

const repVgg = {
  k3: random([4, 4, 3, 3], 1),
  k1: random([4, 4, 1, 1], 2),
  ...bn(4, 'a', 1),
  ...bn(4, 'b', 5),
  ...bn(4, 'c', 9),
};
const branches: PassCase[] = [
  {
    title: 'RepVGG with identity',
    constants: repVgg,
    nodes: [
      ['Conv x k3 -> p', pad1],
      norm('p', 'q', 'a'),
      'Conv x k1 -> r',
      norm('r', 's', 'b'),
      norm('x', 't', 'c'),
      'Add q s -> u',
      'Add u t -> v',
      'Relu v -> y',
    ],
    after: 'Conv',
  },
  {
    title: 'RepVGG by Sum',
    constants: repVgg,
    nodes: [
      ['Conv x k3 -> p', pad1],
      norm('p', 'q', 'a'),
      'Conv x k1 -> r',
      norm('r', 's', 'b'),
      norm('x', 't', 'c'),
      'Sum t s q -> v',
      'Relu v -> y',
    ],
    after: 'Conv',
  },
  {
    title: 'RepVGG with stride',
    constants: repVgg,
    nodes: [
      ['Conv x k3 -> p', { ...pad1, strides: [2, 2] }],
      norm('p', 'q', 'a'),
      ['Conv x k1 -> r', { strides: [2, 2] }],
      norm('r', 's', 'b'),
      'Add q s -> v',
      'Relu v -> y',
    ],
    after: 'Conv',
  },
  {
    title: 'RepVGG in groups',
    constants: { ...repVgg, k3: random([4, 2, 3, 3], 1), k1: random([4, 2, 1, 1], 2) },
    nodes: [
      ['Conv x k3 -> p', { ...pad1, group: 2 }],
      norm('p', 'q', 'a'),
      ['Conv x k1 -> r', { group: 2 }],
      norm('r', 's', 'b'),
      norm('x', 't', 'c'),
      'Add q s -> u',
      'Add u t -> y',
    ],
    after: 'Conv',
  },
  {
    title: 'ACB',
    constants: { k33: w, k13: random([6, 4, 1, 3], 2), k31: random([6, 4, 3, 1], 3) },
    nodes: [
      ['Conv x k33 -> p', pad1],
      ['Conv x k13 -> q', { pads: [0, 1, 0, 1] }],
      ['Conv x k31 -> r', { pads: [1, 0, 1, 0] }],
      'Add q r -> s',
      'Add p s -> y',
    ],
    after: 'Conv',
  },
  {
    title: 'the input itself',
    constants: { k3: random([4, 4, 3, 3], 1) },
    nodes: [['Conv x k3 -> p', pad1], 'Add x p -> y'],
    after: 'Conv',
  },
  {
    title: 'branches and a term from elsewhere',
    inputs: { x: [2, 4, 5, 6], z: [2, 4, 5, 6] },
    constants: { k3: random([4, 4, 3, 3], 1), k1: random([4, 4, 1, 1], 2) },
    nodes: [['Conv x k3 -> p', pad1], 'Conv x k1 -> q', 'Add p z -> s', 'Add s q -> y'],
    after: 'Conv',
  },
  {
    title: 'branches that disagree about the border',
    constants: { ...repVgg, k: w, l: random([6, 4, 3, 3], 4) },
    nodes: [norm('x', 'z', 'a'), ['Conv z k -> p', pad1], ['Conv x l -> q', pad1], 'Add p q -> y'],
    after: 'Conv Conv',
  },
  {
    title: 'strips alone would grow',
    constants: { k13: random([6, 4, 1, 3], 2), k31: random([6, 4, 3, 1], 3) },
    nodes: [['Conv x k13 -> q', { pads: [0, 1, 0, 1] }], ['Conv x k31 -> r', { pads: [1, 0, 1, 0] }], 'Add q r -> y'],
    after: 'Conv Conv',
  },
];

testPasses(branches);
