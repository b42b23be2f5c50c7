/** Constants, moves that change nothing, dead nodes. */
import { ints, random } from '../support/onnx-builder.js';
import { type PassCase, testPasses } from '../support/pass-cases.js';

const cleanup: PassCase[] = [
  {
    title: 'shape arithmetic',
    constants: { i: ints(0), one: ints(-1) },
    nodes: ['Shape x -> s', 'Gather s i -> n', ['Concat n one -> t', { axis: 0 }], 'Reshape x t -> r', 'Relu r -> y'],
    after: 'Reshape Relu',
  },
  {
    title: 'moves that change nothing',
    constants: { p: ints(0, 0, 0, 0, 0, 0, 0, 0), n: ints(2, 4, 5, 6) },
    nodes: [
      'Identity x -> a',
      'Pad a p -> b',
      ['Transpose b -> c', { perm: [0, 1, 2, 3] }],
      'Reshape c n -> d',
      ['Cast d -> e', { to: 1 }],
      'Dropout e -> f',
      ['Concat f -> g', { axis: 1 }],
      'Relu g -> y',
    ],
    after: 'Relu',
  },
  {
    title: 'reshape of a reshape, transpose of a transpose',
    constants: { a: ints(2, -1), b: ints(8, 30) },
    nodes: [
      ['Transpose x -> s', { perm: [0, 2, 3, 1] }],
      ['Transpose s -> t', { perm: [0, 3, 1, 2] }],
      'Reshape t a -> r',
      'Reshape r b -> q',
      'Relu q -> y',
    ],
    after: 'Reshape Relu',
  },
  {
    title: 'float constants',
    constants: { a: random([4, 1, 1], 1), b: random([4, 1, 1], 2) },
    nodes: ['Add a b -> c', 'Mul x c -> y'],
    after: 'ChannelScale',
  },
  { title: 'what nobody reads', nodes: ['Relu x -> y', 'Sigmoid x -> z', 'Neg z -> q'], after: 'Relu' },
  { title: 'an output behind a no-op keeps its name', nodes: ['Relu x -> r', 'Identity r -> y'], after: 'Relu' },
  {
    title: 'Where, Equal and Expand on shapes',
    x: [2, 3, 4, 5],
    constants: { k: ints(2, 1, 4, 5), m: ints(-1), n: ints(2, 3, 4, 5) },
    nodes: ['Equal n m -> e', 'Where e k n -> f', 'Expand x f -> h', 'Relu h -> y'],
    after: 'Relu',
  },
];

testPasses(cleanup);
