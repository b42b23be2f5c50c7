/** Tensors without elements, NaN, scalars, and what a preparation keeps. */
import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import test from 'ava';
import * as lanewise from 'lanewise';
import { type Isa, LanewiseError, Tensor, tensor } from 'lanewise';
import { publicError } from '#lib/native-error.js';
import { naiveConv } from '../support/naive-conv.js';
import { count, Dice, difference, fromLayout, inLayout, isas } from '../support/operands.js';

const dice = new Dice(31);
const values = (...shape: number[]): Tensor => dice.values(shape);
const weight = values(4, 2, 3, 3);
const norm = (c: number) => ({ mean: new Float32Array(c), variance: new Float32Array(c).fill(1) });

/** Calls with empty tensors, and the shape that comes out (or the class of the error). */
const empty: readonly (readonly [
  name: string,
  run: () => Tensor | Tensor[],
  expected: readonly number[] | typeof RangeError,
])[] = [
  ['conv2d of no images', () => lanewise.conv2d(values(0, 2, 5, 5), weight), [0, 4, 3, 3]],
  ['conv2d of no images, nhwc', () => lanewise.conv2d(values(0, 5, 5, 2), weight, { layout: 'nhwc' }), [0, 3, 3, 4]],
  ['conv2d of no rows', () => lanewise.conv2d(values(1, 2, 0, 5), weight, { padding: 3 }), RangeError],
  ['conv2d of no channels', () => lanewise.conv2d(values(1, 0, 5, 5), weight), RangeError],
  ['conv2d of too few rows', () => lanewise.conv2d(values(1, 2, 2, 5), weight), RangeError],
  [
    'depthwiseConv2d of no images',
    () => lanewise.depthwiseConv2d(values(0, 2, 5, 5), values(4, 1, 3, 3)),
    [0, 4, 3, 3],
  ],
  [
    'depthwiseConv2d of no channels',
    () => lanewise.depthwiseConv2d(values(1, 0, 5, 5), values(4, 1, 3, 3)),
    RangeError,
  ],
  [
    'separableConv2d of no images',
    () => lanewise.separableConv2d(values(0, 2, 5, 5), values(4, 1, 3, 3), values(3, 4, 1, 1)),
    [0, 3, 3, 3],
  ],
  ['convTranspose2d of no images', () => lanewise.convTranspose2d(values(0, 4, 2, 2), weight), [0, 2, 4, 4]],
  ['convTranspose2d of no rows', () => lanewise.convTranspose2d(values(1, 4, 0, 2), weight), RangeError],
  ['prepared conv2d of no images', () => lanewise.prepareConv2d(weight).run(values(0, 2, 5, 5)), [0, 4, 3, 3]],
  ['scaleChannels of no images', () => lanewise.scaleChannels(values(0, 3, 2), 2), [0, 3, 2]],
  ['scaleChannels of no channels', () => lanewise.scaleChannels(values(2, 0, 2), 2), [2, 0, 2]],
  ['batchNorm of no pixels', () => lanewise.batchNorm(values(2, 3, 0, 2), norm(3)), [2, 3, 0, 2]],
  ['groupNorm of no images', () => lanewise.groupNorm(values(0, 4, 2, 2), 2), [0, 4, 2, 2]],
  ['groupNorm of no pixels', () => lanewise.groupNorm(values(1, 4, 0, 2), 2), [1, 4, 0, 2]],
  ['instanceNorm of no channels', () => lanewise.instanceNorm(values(1, 0, 2, 2)), [1, 0, 2, 2]],
  ['layerNorm of nothing', () => lanewise.layerNorm(values(3, 0)), [3, 0]],
  ['prelu of nothing', () => lanewise.prelu(values(0, 3, 2), new Float32Array(3)), [0, 3, 2]],
  [
    'squeezeExcite of no images',
    () => lanewise.squeezeExcite(values(0, 4, 2, 2), values(2, 4), null, values(4, 2), null),
    [0, 4, 2, 2],
  ],
  ['maxPool2d of no images', () => lanewise.maxPool2d(values(0, 4, 4, 4), 2), [0, 4, 2, 2]],
  ['avgPool2d of no channels', () => lanewise.avgPool2d(values(1, 0, 4, 4), 2), [1, 0, 2, 2]],
  ['globalAvgPool of no images', () => lanewise.globalAvgPool(values(0, 4, 4, 4)), [0, 4, 1, 1]],
  ['globalMaxPool of no channels', () => lanewise.globalMaxPool(values(2, 0, 4, 4)), [2, 0, 1, 1]],
  ['resize2d of no images', () => lanewise.resize2d(values(0, 4, 4, 4), { scale: 2 }), [0, 4, 8, 8]],
  ['linear of no rows', () => lanewise.linear(values(0, 3), values(5, 3)), [0, 5]],
  ['linear of no inputs', () => lanewise.linear(values(2, 0), values(5, 0)), RangeError],
  ['matmul of no rows', () => lanewise.matmul(values(0, 3), values(3, 2)), [0, 2]],
  ['matmul of no inner extent', () => lanewise.matmul(values(2, 0), values(0, 2)), RangeError],
  ['softmax of nothing', () => lanewise.softmax(values(3, 0)), [3, 0]],
  ['logSoftmax of nothing', () => lanewise.logSoftmax(values(0, 3)), [0, 3]],
  ['concat with an empty part', () => lanewise.concat([values(2, 0), values(2, 3)]), [2, 3]],
  ['concat of empty parts', () => lanewise.concat([values(2, 0), values(2, 0)]), [2, 0]],
  ['split with an empty part', () => lanewise.split(values(2, 3), [0, 3])[0]!, [2, 0]],
  ['split of an empty axis', () => lanewise.split(values(2, 0), 2)[1]!, [2, 0]],
  ['channelShuffle of no images', () => lanewise.channelShuffle(values(0, 4, 2), 2), [0, 4, 2]],
  ['transpose of nothing', () => lanewise.transpose(values(2, 0, 3)), [3, 0, 2]],
  [
    'pad of nothing',
    () =>
      lanewise.pad(
        values(0, 2),
        [
          [1, 1],
          [0, 0],
        ],
        { value: 7 },
      ),
    [2, 2],
  ],
  [
    'pad of nothing by its edge',
    () =>
      lanewise.pad(
        values(0, 2),
        [
          [1, 1],
          [0, 0],
        ],
        { mode: 'edge' },
      ),
    RangeError,
  ],
  ['reduce of nothing', () => lanewise.reduce(values(2, 0), 'sum', { axes: [1] }), [2]],
  ['add of nothing', () => lanewise.add(values(0, 3), values(3)), [0, 3]],
  ['add of nothing to one', () => lanewise.add(values(0), values(1)), [0]],
  ['relu of nothing', () => lanewise.relu(values(0)), [0]],
];

for (const [name, run, expected] of empty) {
  test(name, (t) => {
    if (!Array.isArray(expected)) {
      t.throws(run, { instanceOf: RangeError });
      return;
    }
    const y = run() as Tensor;
    t.deepEqual(y.shape, expected);
    t.is(y.data.length, count(expected));
  });
}

test('reductions of nothing are those of the empty set', (t) => {
  const x = values(2, 0);
  const expected = {
    sum: 0,
    mean: Number.NaN,
    max: -Infinity,
    min: Infinity,
    prod: 1,
    l1: 0,
    l2: 0,
    sumSquare: 0,
    logSum: -Infinity,
    logSumExp: -Infinity,
  };
  for (const [fn, value] of Object.entries(expected))
    t.deepEqual([...lanewise.reduce(x, fn as 'sum', { axes: [1] }).data], [value, value], fn);
  t.deepEqual(
    [
      ...lanewise.pad(
        values(0, 2),
        [
          [1, 1],
          [0, 0],
        ],
        { value: 7 },
      ).data,
    ],
    [7, 7, 7, 7],
  );
});

test('a part without elements does not keep split from filling the others', (t) => {
  const x = values(2, 3);
  const [none, all] = lanewise.split(x, [0, 3]);
  t.deepEqual([none!.shape, all!.data], [[2, 0], x.data]);
});

const nanCases: Readonly<Record<string, (x: Tensor, isa: Isa) => Tensor>> = {
  relu: (x, isa) => lanewise.relu(x, { isa }),
  clip: (x, isa) => lanewise.clip(x, { min: 0, max: 1, isa }),
  scale: (x, isa) => lanewise.scaleChannels(x, 2, { activation: 'relu6', isa }),
  'pointwise convolution': (x, isa) => lanewise.conv2d(x, values(3, 2, 1, 1), { activation: 'relu', isa }),
  depthwise: (x, isa) => lanewise.depthwiseConv2d(x, values(2, 1, 1, 1), { activation: 'relu6', isa }),
  'maximum pooling': (x, isa) => lanewise.maxPool2d(x, 1, { isa }),
  'global maximum': (x, isa) => lanewise.globalMaxPool(x, { isa }),
  'global average': (x, isa) => lanewise.globalAvgPool(x, { isa }),
  maximum: (x, isa) => lanewise.maximum(x, 0, { isa }),
  minimum: (x, isa) => lanewise.minimum(0, x, { isa }),
  'reduce max': (x, isa) => lanewise.reduce(x, 'max', { axes: [3], isa }),
  softmax: (x, isa) => lanewise.softmax(x, { isa }),
};

for (const [name, run] of Object.entries(nanCases)) {
  test(`NaN passes through: ${name}`, (t) => {
    for (const isa of isas) {
      for (const position of [0, 7, 18, 37]) {
        const x = values(1, 2, 1, 19);
        x.data[position] = Number.NaN;
        const y = run(x, isa);
        const columns = y.shape[3] ?? 1;
        const column = columns === 19 ? position % 19 : 0;
        t.true(
          Array.from(y.data).some((value, i) => Number.isNaN(value) && (columns === 1 || i % columns === column)),
          `${isa}, at ${position}`,
        );
        const other =
          columns === 19 &&
          name !== 'softmax' &&
          Array.from(y.data).some((value, i) => Number.isNaN(value) && i % columns !== column);
        t.false(other, `${isa}, at ${position}: nowhere else`);
      }
    }
  });
}

test('an infinite weight spoils only the outputs that see the border through it', (t) => {
  // 0 * Infinity: the definition has NaN there.
  const w = tensor([Infinity, 1, 1], [1, 1, 1, 3]);
  const y = lanewise.conv2d(tensor([1, 2, 3], [1, 1, 1, 3]), w, { padding: [0, 1] });
  t.deepEqual([...y.data.slice(1)], [Infinity, Infinity]);
});

test('scalars have shape []', (t) => {
  const two = tensor([2], []);
  t.deepEqual([lanewise.add(two, 3).shape, lanewise.add(two, 3).data[0]], [[], 5]);
  t.deepEqual(
    [
      lanewise.transpose(two).shape,
      lanewise.reduce(two, 'max').shape,
      lanewise.pad(two, []).shape,
      lanewise.neg(two).data[0],
    ],
    [[], [], [], -2],
  );
  t.deepEqual(lanewise.reduce(values(2, 3), 'mean').shape, []);
  t.deepEqual(lanewise.reduce(values(2, 3), 'mean', { keepDims: true }).shape, [1, 1]);
});

test('tensors reference their data, freeze their shape and say what they are', (t) => {
  const data = new Float32Array(6);
  const x = tensor(data, [2, 3]);
  t.is(x.data, data);
  t.true(Object.isFrozen(x.shape));
  t.is(x.size, 6);
  t.is(String(x), 'Tensor float32 [2, 3]');
  t.regex(inspect(x), /^Tensor float32 \[2, 3\] Float32Array\(6\)/);
  const shape = [6];
  const y = tensor([1, 2, 3, 4, 5, 6], shape);
  shape[0] = 7;
  t.deepEqual(y.shape, [6]);
  const types = [new BigInt64Array(1), new Int32Array(1), new Uint8Array(1), new Int8Array(1)].map(
    (array) => tensor(array as Int32Array, [1]).type as string,
  );
  t.deepEqual(types, ['int64', 'int32', 'uint8', 'int8']);
  t.is(tensor(new Uint8Array([1, 0]), [2], 'bool').type, 'bool');
  t.is(new Tensor('float32', new Float32Array(0), [0, 5]).size, 0);
  t.throws(() => tensor([], [2 ** 36, 0, 2 ** 36]), { instanceOf: RangeError });
});

test('views into a larger buffer work, also where they are not aligned to a vector', (t) => {
  const buffer = new Float32Array(64).fill(Number.NaN);
  const x = tensor(buffer.subarray(3, 3 + 18), [1, 2, 3, 3]);
  x.data.set(values(18).data);
  const copy = tensor(x.data.slice(), x.shape);
  const out = tensor(buffer.subarray(23, 23 + 4), [1, 4, 1, 1]);
  lanewise.conv2d(x, weight, { out });
  t.deepEqual(out.data, lanewise.conv2d(copy, weight).data);
  t.true(buffer.subarray(27).every(Number.isNaN), 'nothing behind the result is written');
  t.true(buffer.subarray(0, 3).every(Number.isNaN) && Number.isNaN(buffer[21]!) && Number.isNaN(buffer[22]!));
});

test('a prepared convolution is the convolution, for many shapes, in both layouts', (t) => {
  for (const layout of ['nchw', 'nhwc'] as const) {
    for (const isa of isas) {
      const w = values(6, 3, 3, 3);
      const options = {
        bias: values(6).data,
        padding: 'same',
        stride: 2,
        groups: 2,
        activation: { kind: 'prelu', slope: values(6) },
        padValue: values(6),
        layout,
        isa,
      } as const;
      const prepared = lanewise.prepareConv2d(w, options);
      // More shapes than plans are kept, and the first again.
      for (const extent of [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 4, 13]) {
        const x = inLayout(values(1 + (extent % 2), 6, extent, extent + 1), layout);
        const expected = lanewise.conv2d(x, w, options);
        t.deepEqual(prepared.run(x), expected);
        const out = tensor(new Float32Array(expected.size), expected.shape);
        t.is(prepared.run(x, out), out);
        t.deepEqual(out.data, expected.data);
      }
      prepared.dispose();
    }
  }
});

test('a prepared convolution keeps its own weights', (t) => {
  const [w, bias, x] = [values(4, 2, 3, 3), values(4), values(1, 2, 5, 5)];
  const prepared = lanewise.prepareConv2d(w, { bias });
  const expected = prepared.run(x).data.slice();
  w.data.fill(0);
  bias.data.fill(0);
  t.deepEqual(prepared.run(x).data, expected);
  t.deepEqual(prepared.run(tensor(x.data, [1, 2, 5, 5])).data, expected);
  const other = values(1, 2, 7, 7);
  t.true(difference(prepared.run(other).data, new Float32Array(100)) > 0, 'also for a shape not seen before');
});

test('a prepared convolution after dispose()', (t) => {
  const prepared = lanewise.prepareConv2d(weight);
  const x = values(1, 2, 5, 5);
  prepared.run(x);
  prepared.dispose();
  prepared.dispose();
  const error = t.throws(() => prepared.run(x), { instanceOf: LanewiseError });
  t.is(error?.code, 'ERR_DISPOSED');
  const bad = lanewise.prepareConv2d(weight);
  t.throws(() => bad.run(values(1, 3, 5, 5)), { instanceOf: RangeError, message: /weight: expected 3 input channels/ });
  t.throws(() => bad.run(null as unknown as Tensor), { instanceOf: TypeError });
  t.throws(() => bad.run(x, x), { instanceOf: RangeError });
  t.deepEqual(bad.run(x).shape, [1, 4, 3, 3]);
  bad[Symbol.dispose]();
  t.throws(() => bad.run(x), { instanceOf: LanewiseError });
});

test('large work on several threads has the bits of one', (t) => {
  const [x, w] = [values(2, 33, 40, 41), values(35, 33, 3, 3)];
  const padding = [1, 1, 1, 1] as const;
  const many = lanewise.conv2d(x, w, { padding });
  lanewise.setThreads(1);
  t.is(lanewise.cpuInfo().threads, 1);
  const single = lanewise.conv2d(x, w, { padding });
  lanewise.setThreads(0);
  t.deepEqual(many.data, single.data);
  const expected = naiveConv(x, w, { strides: [1, 1], dilations: [1, 1], pads: padding, groups: 1 });
  t.true(difference(many.data, expected.data) < 2 * 2 ** -23 * (33 * 9 + 1));
  t.deepEqual(fromLayout(lanewise.conv2d(inLayout(x, 'nhwc'), w, { padding, layout: 'nhwc' }), 'nhwc').data, many.data);
});

test('setThreads and cpuInfo agree', (t) => {
  const before = lanewise.cpuInfo();
  t.true(before.detected.includes(before.active) && before.built.includes(before.active));
  t.true(before.lanes >= 4 && before.threads >= 1);
  lanewise.setThreads(3);
  t.is(lanewise.cpuInfo().threads, 3);
  lanewise.setThreads();
  t.is(lanewise.cpuInfo().threads, before.threads);
});

/** What a child process with this environment prints. */
function inChild(environment: Readonly<Record<string, string>>, script: string): string {
  const code = `try { const l = await import('lanewise'); ${script} } catch (error) { console.log(error.code ?? error.name, error.message) }`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  }).trim();
}

test('LANEWISE_ISA forces the instruction set, or is an error', (t) => {
  const script = `console.log(l.cpuInfo().active, Array.from(l.conv2d(l.tensor([1, 2, 3, 4], [1, 1, 2, 2]), l.tensor([1, 10, 100, 1000], [1, 1, 2, 2])).data).join())`;
  for (const isa of isas) t.is(inChild({ LANEWISE_ISA: isa }, script), `${isa} 4321`);
  const other = process.arch === 'x64' ? 'neon' : 'avx2';
  t.regex(inChild({ LANEWISE_ISA: other }, script), /^ERR_ISA_UNAVAILABLE cpuInfo: .*available here: scalar/);
  t.regex(
    inChild({ LANEWISE_ISA: 'sse9' }, 'l.relu(l.tensor([1], [1]))'),
    /^ERR_ISA_UNAVAILABLE relu: .*unknown ISA 'sse9'/,
  );
});

test('LANEWISE_THREADS sets the threads, or is an error', (t) => {
  t.is(inChild({ LANEWISE_THREADS: '2' }, 'console.log(l.cpuInfo().threads)'), '2');
  t.regex(inChild({ LANEWISE_THREADS: 'many' }, 'console.log(l.cpuInfo().threads)'), /^RangeError .*LANEWISE_THREADS/);
});

test('errors of the addon become those of the library, with their cause and a JavaScript stack', (t) => {
  const native = (code: string | undefined, type: ErrorConstructor = Error) =>
    Object.assign(new type('no'), code === undefined ? {} : { code });
  const cases: readonly (readonly [Error, string, string | undefined])[] = [
    [native('ERR_INVALID_VALUE'), 'RangeError', undefined],
    [native('ERR_OUT_OF_MEMORY'), 'LanewiseError', 'ERR_OUT_OF_MEMORY'],
    [native('ERR_UNSUPPORTED_OPERATOR'), 'LanewiseError', 'ERR_UNSUPPORTED_OPERATOR'],
    [native('ERR_ABORTED'), 'LanewiseError', 'ERR_ABORTED'],
    [native('ERR_SOMETHING_NEW'), 'LanewiseError', 'ERR_INTERNAL'],
    [native(undefined), 'LanewiseError', 'ERR_INTERNAL'],
    [native(undefined, TypeError), 'TypeError', undefined],
    [native(undefined, RangeError), 'RangeError', undefined],
  ];
  for (const [cause, name, code] of cases) {
    const error = publicError(cause, 'conv2d');
    t.deepEqual(
      [error.name, (error as { code?: string }).code, error.message, error.cause],
      [name, code, 'conv2d: no', cause],
    );
    t.regex(error.stack ?? '', /edges\.test/);
  }
  const own = new LanewiseError('ERR_DISPOSED', 'gone');
  t.is(publicError(own, 'x'), own);
  t.regex(publicError('thrown', 'x').message, /^x: thrown$/);
});

test('memory that is not there is an error, not the end of the process', (t) => {
  const x = tensor(new Float32Array(1), [1, 1, 1, 1]);
  const error = t.throws(() => lanewise.resize2d(x, { size: [2 ** 18, 2 ** 18] }));
  t.true(error instanceof LanewiseError && error.code === 'ERR_OUT_OF_MEMORY', String(error));
});

test('absurd strides and dilations take no absurd time', (t) => {
  const most = 2 ** 31 - 1;
  const x = values(1, 3, 4, 4);
  t.deepEqual(lanewise.conv2d(x, values(4, 3, 3, 3), { stride: most }).shape, [1, 4, 1, 1]);
  t.deepEqual(lanewise.conv2d(x, values(4, 3, 1, 1), { dilation: most }).shape, [1, 4, 4, 4]);
  t.deepEqual(lanewise.maxPool2d(x, 2, { stride: most }).shape, [1, 3, 1, 1]);
  // One phase per residue of the stride would be four billion billions.
  t.deepEqual(lanewise.convTranspose2d(values(1, 3, 1, 1), values(3, 4, 3, 3), { stride: most }).shape, [1, 4, 3, 3]);
});
