/** Integers at run time, indices that only the data can tell to be wrong, and models whose shapes hang on elements. */
import test from 'ava';
import { LanewiseError, loadModel, type Tensor, tensor } from 'lanewise';
import { buildModel, floats, ints, type ModelSpec } from '../support/onnx-builder.js';

const [int32, int64, bool] = [6, 7, 9];
const load = (spec: ModelSpec) => loadModel(buildModel(spec));
const longs = (values: number[]) => BigInt64Array.from(values.map(BigInt));
const plain = (result: Tensor<never> | undefined) => [
  result?.type,
  result?.shape,
  Array.from(result?.data ?? [], Number),
];

const gather: ModelSpec = {
  inputs: { x: [4, 2], i: ['n'] },
  inputTypes: { i: int64 },
  nodes: [{ op: 'Gather', name: 'pick', inputs: ['x', 'i'], outputs: ['y'] }],
  outputs: ['y'],
};
const x = tensor(
  Float32Array.from({ length: 8 }, (_, i) => i),
  [4, 2],
);

test('indices from a feed, negative ones too', async (t) => {
  const model = await load(gather);
  const { y } = await model.run({ x, i: tensor(longs([3, -4]), [2]) });
  t.deepEqual(plain(y as never), ['float32', [2, 2], [6, 7, 0, 1]]);
});

for (const [name, index] of [
  ['above', 4],
  ['below', -5],
  ['far', Number.MAX_SAFE_INTEGER],
] as const) {
  test(`an index outside its axis ends the run, ${name}`, async (t) => {
    const model = await load(gather);
    const feeds = { x, i: tensor(longs([0, index]), [2]) };
    const expected = { instanceOf: RangeError, message: new RegExp(`'pick': index ${index} is outside an axis of 4`) };
    await t.throwsAsync(model.run(feeds), expected);
    t.throws(() => model.runSync(feeds), expected);
    const { y } = model.runSync({ x, i: tensor(longs([1]), [1]) });
    t.deepEqual([...(y?.data ?? [])], [2, 3], 'the next run is not affected');
  });
}

test('feeds are of the declared type', async (t) => {
  const model = await load(gather);
  await t.throwsAsync(model.run({ x, i: tensor([1], [1]) }), {
    instanceOf: TypeError,
    message: /input 'i': expected a int64 Tensor, got float32/,
  });
});

test('integer division by zero ends the run', async (t) => {
  const model = await load({
    inputs: { a: [2], b: [2] },
    inputTypes: { a: int32, b: int32 },
    nodes: [{ op: 'Div', name: 'share', inputs: ['a', 'b'], outputs: ['y'] }],
    outputs: ['y'],
    outputType: int32,
  });
  const feed = (...values: number[]) => tensor(Int32Array.from(values), [2]);
  t.deepEqual(plain(model.runSync({ a: feed(7, -(2 ** 31)), b: feed(-2, -1) })['y'] as never), [
    'int32',
    [2],
    [-3, -(2 ** 31)],
  ]);
  const refused = { instanceOf: RangeError, message: /'share': integer division by zero/ };
  t.throws(() => model.runSync({ a: feed(1, 1), b: feed(1, 0) }), refused);
  async function theCaller() {
    await model.run({ a: feed(1, 1), b: feed(1, 0) });
  }
  const error = await t.throwsAsync(theCaller(), refused);
  t.regex(error.stack ?? '', /at async theCaller /);
});

test('integers move as they are, whatever their size', async (t) => {
  for (const [code, data] of [
    [2, Uint8Array.from({ length: 12 }, (_, i) => 250 + i)],
    [int32, Int32Array.from({ length: 12 }, (_, i) => i - 6)],
    [int64, BigInt64Array.from({ length: 12 }, (_, i) => 2n ** 60n + BigInt(i))],
  ] as const) {
    const model = await load({
      inputs: { x: [1, 3, 2, 2] },
      inputTypes: { x: code },
      constants: { pads: ints(0, 0, 0, 1, 0, 0, 0, 0) },
      nodes: [
        { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: [0, 2, 3, 1] } },
        { op: 'Concat', inputs: ['t', 't'], outputs: ['c'], attributes: { axis: 1 } },
        { op: 'Split', inputs: ['c'], outputs: ['s', 'r'], attributes: { axis: 1 } },
        { op: 'Pad', inputs: ['r', 'pads'], outputs: ['p'], attributes: { mode: 'edge' } },
      ],
      outputs: ['s', 'p'],
      outputType: code,
    });
    const { s, p } = model.runSync({ x: tensor(data as never, [1, 3, 2, 2]) });
    const at = (i: number) => (data as unknown as (number | bigint)[])[i]!;
    t.deepEqual(
      [...((s?.data ?? []) as unknown as number[])],
      [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(at) as number[],
    );
    // Along the last axis the first element of each run of three comes twice.
    t.deepEqual(
      [...((p?.data ?? []) as unknown as number[])],
      [0, 0, 4, 8, 1, 1, 5, 9, 2, 2, 6, 10, 3, 3, 7, 11].map(at) as number[],
    );
  }
});

test('a shape from a feed: a plan for each, and what the caller does to its arrays later does not matter', async (t) => {
  const model = await load({
    inputs: { x: [2, 6], shape: [2] },
    inputTypes: { shape: int64 },
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Reshape', inputs: ['r', 'shape'], outputs: ['y'] },
    ],
    outputs: ['y'],
  });
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  for (const [given, expected] of [
    [
      [3, 4],
      [3, 4],
    ],
    [
      [-1, 2],
      [6, 2],
    ],
    [
      [3, 4],
      [3, 4],
    ],
  ] as const) {
    const shape = longs([...given]);
    const run = model.run({ x: tensor(data, [2, 6]), shape: tensor(shape, [2]) });
    shape.fill(1n);
    const { y } = await run;
    t.deepEqual(y?.shape, expected);
    t.deepEqual(y?.data, data);
  }
  await t.throwsAsync(model.run({ x: tensor(data, [2, 6]), shape: tensor(longs([5, 5]), [2]) }), {
    instanceOf: LanewiseError,
    message: /cannot be reshaped/,
  });
  t.throws(() => model.report(), { instanceOf: RangeError, message: /elements of input 'shape'/ });
});

test('a result with as many elements as the data say', async (t) => {
  const model = await load({
    inputs: { x: [2, 3] },
    constants: { half: floats([], [0.5]), axis: ints(1) },
    nodes: [
      { op: 'Greater', inputs: ['x', 'half'], outputs: ['large'] },
      { op: 'NonZero', inputs: ['large'], outputs: ['where'] },
      { op: 'Transpose', inputs: ['where'], outputs: ['rows'] },
      { op: 'GatherND', inputs: ['x', 'rows'], outputs: ['values'] },
    ],
    outputs: ['values', 'where'],
    outputType: 1,
  });
  const run = (...values: number[]) => model.run({ x: tensor(values, [2, 3]) });
  const first = await run(0, 1, 2, 0, 0, 3);
  t.deepEqual(plain(first['values'] as never), ['float32', [3], [1, 2, 3]]);
  t.deepEqual(plain(first['where'] as never), ['int64', [2, 3], [0, 0, 1, 1, 2, 2]]);
  t.deepEqual(plain((await run(0, 0, 0, 0, 0, 0))['values'] as never), ['float32', [0], []]);
  t.deepEqual(plain(model.runSync({ x: tensor([9, 0, 0, 0, 0, 0], [2, 3]) })['values'] as never), [
    'float32',
    [1],
    [9],
  ]);
});

test('booleans in and out', async (t) => {
  const model = await load({
    inputs: { a: [3], b: [3] },
    inputTypes: { a: bool, b: bool },
    nodes: [
      { op: 'Xor', inputs: ['a', 'b'], outputs: ['x'] },
      { op: 'Not', inputs: ['x'], outputs: ['y'] },
    ],
    outputs: ['y'],
    outputType: bool,
  });
  const flags = (...values: number[]) => tensor(Uint8Array.from(values), [3], 'bool');
  const { y } = model.runSync({ a: flags(0, 1, 1), b: flags(0, 0, 1) });
  t.deepEqual(plain(y as never), ['bool', [3], [1, 0, 1]]);
});
