/** `loadModel` and `Model`: sources, ports, feeds, options, reports, disposal. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import {
  cpuInfo,
  type Feeds,
  LanewiseError,
  type LoadOptions,
  loadModel,
  type RunOptions,
  Tensor,
  tensor,
} from '#lib/index.js';
import { buildModel } from '../support/onnx-builder.js';
import { fixedBytes, image, loadSmall, smallBytes } from './small-models.js';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-model-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** For arguments that the types forbid. */
const any = (value: unknown): never => value as never;

const disposed = { instanceOf: LanewiseError, code: 'ERR_DISPOSED' } as const;
const formatError = { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' } as const;

test('a path, a URL, a Uint8Array and an ArrayBuffer give the same model', async (t) => {
  const path = join(folder, 'a model.onnx');
  writeFileSync(path, smallBytes);
  const padded = new Uint8Array(smallBytes.length + 9);
  padded.set(smallBytes, 5);
  const sources = {
    path,
    url: pathToFileURL(path),
    'url as text': pathToFileURL(path).href,
    bytes: smallBytes,
    'bytes inside a larger buffer': padded.subarray(5, 5 + smallBytes.length),
    buffer: smallBytes.slice().buffer as ArrayBuffer,
    'node buffer': Buffer.from(smallBytes),
  };
  const x = image(1);
  const expected = (await loadSmall()).runSync({ x });
  for (const [name, source] of Object.entries(sources)) {
    t.deepEqual((await loadModel(source)).runSync({ x }), expected, name);
  }
});

test('the bytes may be changed once the model is loaded', async (t) => {
  const bytes = smallBytes.slice();
  const model = await loadModel(bytes);
  bytes.fill(0);
  t.deepEqual(model.runSync({ x: image(1) }), (await loadSmall()).runSync({ x: image(1) }));
});

test('sources that are none', async (t) => {
  for (const source of [undefined, null, 5, {}, [], new Float32Array(4), new DataView(new ArrayBuffer(4))]) {
    await t.throwsAsync(loadModel(any(source)), { instanceOf: TypeError, message: /^loadModel: source: expected/ });
  }
  await t.throwsAsync(loadModel(join(folder, 'nothing.onnx')), { code: 'ENOENT' });
  await t.throwsAsync(loadModel(folder), { code: 'EISDIR' });
  await t.throwsAsync(loadModel(new URL('https://example.com/model.onnx')), { instanceOf: TypeError });
  const gone = smallBytes.slice();
  structuredClone(gone, { transfer: [gone.buffer] });
  await t.throwsAsync(loadModel(gone), formatError);
});

test('weights beside the file', async (t) => {
  const proto = fromBinary(ModelProtoSchema, smallBytes);
  const weights = proto.graph!.initializer[0]!;
  const padding = new Uint8Array(16);
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat([padding, weights.rawData]));
  weights.dataLocation = 1;
  weights.externalData = Object.entries({
    location: 'weights.bin',
    offset: '16',
    length: `${weights.rawData.length}`,
  }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  weights.rawData = new Uint8Array(0);
  const bytes = toBinary(ModelProtoSchema, proto);
  const path = join(folder, 'external.onnx');
  writeFileSync(path, bytes);
  t.deepEqual((await loadModel(path)).runSync({ x: image(1) }), (await loadSmall()).runSync({ x: image(1) }));
  await t.throwsAsync(loadModel(bytes), { ...formatError, message: /weights\.bin|not loaded from a folder/ });
  writeFileSync(join(folder, 'weights.bin'), padding);
  await t.throwsAsync(loadModel(path), { ...formatError, message: /weights\.bin/ });
});

test('inputs and outputs as the model declares them', async (t) => {
  const model = await loadSmall();
  t.deepEqual(model.inputs, [{ name: 'x', type: 'float32', shape: ['N', 3, 8, 8] }]);
  t.deepEqual(
    model.outputs.map(({ name, type }) => [name, type]),
    [
      ['y', 'float32'],
      ['m', 'float32'],
    ],
  );
});

test('results: all outputs, or those asked for', async (t) => {
  const model = await loadSmall();
  const x = image(1, 2);
  const all = await model.run({ x });
  t.deepEqual(Object.keys(all), ['y', 'm']);
  t.true(all['y'] instanceof Tensor);
  t.deepEqual(all['y']!.shape, [2, 5, 8, 8]);
  t.deepEqual(all['m']!.shape, [2, 10, 1, 1]);
  t.deepEqual(await model.run({ x }, { outputs: ['m'] }), { m: all['m']! });
  t.deepEqual(model.runSync({ x }, { outputs: ['m', 'm'] }), { m: all['m']! });
  t.deepEqual(await model.run({ x }, { outputs: [] }), {});
  t.deepEqual(model.runSync({ x }), all);
  t.not(all['y']!.data, (await model.run({ x }))['y']!.data, 'outputs are new');
});

/** What is wrong, and the words that say so. */
const badFeeds: readonly [
  name: string,
  feeds: unknown,
  error: typeof TypeError | typeof RangeError,
  message: RegExp,
][] = [
  ['no feeds', undefined, TypeError, /feeds: expected an object/],
  ['null', null, TypeError, /feeds: expected an object/],
  ['a tensor', image(1), RangeError, /no input 'type'; inputs: x/],
  ['a missing input', {}, TypeError, /input 'x' is missing/],
  ['an undefined input', { x: undefined }, TypeError, /input 'x': expected a float32 Tensor, got undefined/],
  ['an unknown input', { x: image(1), z: image(1) }, RangeError, /no input 'z'; inputs: x/],
  ['a bare array', { x: new Float32Array(192) }, TypeError, /input 'x': expected a float32 Tensor/],
  ['another type', { x: tensor(new Int32Array(192), [1, 3, 8, 8]) }, TypeError, /expected a float32 Tensor, got int32/],
  ['another rank', { x: tensor(new Float32Array(192), [3, 8, 8]) }, RangeError, /\[N, 3, 8, 8\], got \[3, 8, 8\]/],
  [
    'another extent',
    { x: tensor(new Float32Array(256), [1, 4, 8, 8]) },
    RangeError,
    /\[N, 3, 8, 8\], got \[1, 4, 8, 8\]/,
  ],
];

test('an empty batch gives empty outputs', async (t) => {
  const model = await loadSmall();
  const { y } = await model.run({ x: tensor(new Float32Array(0), [0, 3, 8, 8]) });
  t.deepEqual([y?.shape, y?.size], [[0, 5, 8, 8], 0]);
});

for (const [name, feeds, instanceOf, message] of badFeeds) {
  test(`feeds: ${name}`, async (t) => {
    const model = await loadSmall();
    for (const method of ['run', 'runSync', 'profile'] as const) {
      const error = await t.throwsAsync(async () => model[method](any(feeds)), { instanceOf, message });
      // The shape is checked by what both share.
      if (!/shape/.test(error.message)) t.true(error.message.startsWith(`${method}: `), error.message);
    }
    t.notThrows(() => model.runSync({ x: image(1) }));
  });
}

test('feeds over memory that may vanish', async (t) => {
  const model = await loadSmall();
  const x = image(1);
  structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] });
  const expected = { instanceOf: TypeError, message: /input 'x': .*detached/ };
  await t.throwsAsync(model.run({ x }), expected);
  t.throws(() => model.runSync({ x }), expected);
  await t.throwsAsync(model.profile({ x }), expected);
  const shared = new Float32Array(new SharedArrayBuffer(768));
  t.throws(() => tensor(shared, [1, 3, 8, 8]), { instanceOf: TypeError, message: /SharedArrayBuffer/ });
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  const resizable = new Float32Array(new Resizable(768, { maxByteLength: 1536 }));
  t.throws(() => tensor(resizable, [1, 3, 8, 8]), { instanceOf: TypeError, message: /resizable/ });
  // A tensor is an object like any other; what was put into it later is looked at again.
  for (const data of [shared, resizable]) {
    await t.throwsAsync(model.run({ x: Object.assign(image(1), { data }) }), { instanceOf: TypeError });
  }
  await t.throwsAsync(model.run({ x: Object.assign(image(1), { data: new Float32Array(7) }) }), {
    instanceOf: RangeError,
  });
  await t.throwsAsync(model.run({ x: Object.assign(image(1), { shape: [9, 3, 8, 8] }) }), { instanceOf: RangeError });
});

test('run: wrong options', async (t) => {
  const model = await loadSmall();
  const cases: readonly [options: unknown, error: typeof TypeError | typeof RangeError, message: RegExp][] = [
    [null, TypeError, /options: expected an object, got null/],
    [{ output: ['y'] }, TypeError, /unknown option 'output' \(did you mean 'outputs'\?\)/],
    [{ sginal: undefined }, TypeError, /did you mean 'signal'/],
    [{ outputs: 'y' }, TypeError, /outputs: expected an array/],
    [{ outputs: ['z'] }, RangeError, /no output 'z'; outputs: y, m/],
    [{ outputs: [5] }, RangeError, /no output 5/],
    [{ signal: {} }, TypeError, /signal: expected an AbortSignal/],
  ];
  for (const [options, instanceOf, message] of cases) {
    await t.throwsAsync(model.run({ x: image(1) }, options as RunOptions), { instanceOf, message });
  }
  t.throws(() => model.runSync({ x: image(1) }, any({ signal: AbortSignal.abort() })), {
    instanceOf: TypeError,
    message: /^runSync: unknown option 'signal'/,
  });
});

test('loadModel: wrong options', async (t) => {
  const choices = new RegExp(`expected one of ${cpuInfo().detected.join(', ')}`);
  type Wrong = readonly [options: unknown, expected: object];
  const cases: readonly Wrong[] = [
    [null, { instanceOf: TypeError, message: /options: expected an object/ }],
    [{ thread: 2 }, { instanceOf: TypeError, message: /did you mean 'threads'/ }],
    [{ foo: 2 }, { instanceOf: TypeError, message: /unknown option 'foo'; known: threads, isa/ }],
    ...[0, 65, 1.5, -1, Number.NaN, '2', null].map(
      (threads): Wrong => [
        { threads },
        { instanceOf: RangeError, message: /threads: expected an integer from 1 to 64/ },
      ],
    ),
    ...['bogus', 'AVX2', '', 5].map(
      (isa): Wrong => [{ isa }, { instanceOf: LanewiseError, code: 'ERR_ISA_UNAVAILABLE', message: choices }],
    ),
    [{ numerics: 'sloppy' }, { instanceOf: RangeError, message: /numerics: expected 'fast' or 'strict'/ }],
    [{ inputShapes: { z: [1] } }, { instanceOf: RangeError, message: /no input 'z'/ }],
    [{ inputShapes: { x: [1, 3, 9, 8] } }, { instanceOf: RangeError, message: /input 'x' must have shape/ }],
    [{ inputShapes: { x: [1.5, 3, 8, 8] } }, { instanceOf: RangeError, message: /input 'x' must have shape/ }],
    [{ inputShapes: 5 }, { instanceOf: TypeError, message: /inputShapes: expected an object/ }],
    [{ inputShapes: { x: '1388' } }, { instanceOf: TypeError, message: /inputShapes: 'x': expected an array/ }],
    [{ inputShapes: { x: [1, 3, 8, '8'] } }, { instanceOf: TypeError, message: /inputShapes: 'x': expected/ }],
    [{ inputShapes: { x: null } }, { instanceOf: TypeError, message: /inputShapes: 'x': expected an array/ }],
  ];
  for (const [options, expected] of cases) await t.throwsAsync(loadModel(smallBytes, options as LoadOptions), expected);
  await t.notThrowsAsync(loadModel(smallBytes, { threads: 64, numerics: 'strict', inputShapes: { x: [2, 3, 8, 8] } }));
});

test('one name is one extent', async (t) => {
  const bytes = buildModel({
    inputs: { a: ['N', 4], b: ['N', 4] },
    nodes: [{ op: 'Add', name: 'sum', inputs: ['a', 'b'], outputs: ['y'] }],
    outputs: ['y'],
  });
  const model = await loadModel(bytes);
  const rows = (count: number) => tensor(new Float32Array(4 * count).fill(count), [count, 4]);
  t.deepEqual(model.runSync({ a: rows(3), b: rows(3) })['y']!.data, new Float32Array(12).fill(6));
  t.throws(() => model.runSync({ a: rows(3), b: rows(2) }), {
    instanceOf: RangeError,
    message: /'N' is 3 in input 'a' but 2/,
  });
  t.throws(() => model.report(any({ a: 5 })), {
    instanceOf: TypeError,
    message: /^report: inputShapes: 'a': expected an array/,
  });
  t.throws(() => model.report(any(null)), { instanceOf: TypeError, message: /expected an object/ });
  t.throws(() => model.report(), { instanceOf: RangeError, message: /'N' is not given/ });
  t.notThrows(() => model.runSync({ b: rows(1), a: rows(1) }));
});

test('NaN goes where the reference has it', async (t) => {
  const model = await loadSmall();
  const x = image(1);
  x.data[2 * 8 + 3] = Number.NaN; // channel 0, row 2, column 3
  const { y, m } = await model.run({ x });
  for (const [i, value] of y!.data.entries()) {
    const inside = Math.abs(Math.floor((i % 64) / 8) - 2) <= 1 && Math.abs((i % 8) - 3) <= 1;
    t.is(Number.isNaN(value), inside, `element ${i}`);
  }
  t.true(m!.data.every(Number.isNaN));
});

test('threads and instruction sets as asked for', async (t) => {
  const x = image(1, 3);
  const expected = (await loadSmall({ isa: 'scalar', threads: 1 })).runSync({ x })['y']!.data;
  for (const isa of cpuInfo().detected) {
    for (const threads of [1, 2, 7]) {
      const model = await loadSmall({ isa, threads });
      const report = model.report({ x: [3, 3, 8, 8] });
      t.is(report.isa, isa);
      t.is(report.threads, threads);
      const { data } = (await model.run({ x }))['y']!;
      t.true(data.every((value, i) => Math.abs(value - expected[i]!) < 1e-5));
    }
  }
  t.is((await loadModel(fixedBytes)).report().isa, cpuInfo().active);
});

test('report: what compiling did', async (t) => {
  const report = (await loadModel(fixedBytes)).report();
  t.is(report.nodesBefore, 4);
  t.is(report.nodesAfter, 3, 'the activation belongs to its convolution');
  t.is(report.macs, 2 * 64 * (10 * 27 + 5 * 10));
  t.is(report.parameters, 10 * 27 + 10 + 5 * 10);
  t.true(report.steps >= 3);
  t.deepEqual((await loadSmall()).report({ x: [2, 3, 8, 8] }), report);
});

test('memory: weights once, activations per shape', async (t) => {
  const model = await loadSmall();
  t.deepEqual(model.memory().activationBytes, {});
  model.report({ x: [1, 3, 8, 8] });
  const one = model.memory();
  t.is(one.weightBytes, 4 * (10 * 27 + 10 + 5 * 10));
  t.true(one.packedBytes >= one.weightBytes);
  model.report({ x: [4, 3, 8, 8] });
  const two = model.memory();
  t.is(two.packedBytes, one.packedBytes, 'shared');
  const [small, large] = Object.values(two.activationBytes);
  t.is(Object.keys(two.activationBytes).length, 2);
  t.true(large! > small!);
});

test('profile: a table and a trace of the steps', async (t) => {
  const model = await loadModel(fixedBytes, { threads: 1 });
  const profile = await model.profile({ x: image(1, 2) });
  const report = model.report();
  t.is(profile.steps.length, report.steps);
  t.is(
    profile.steps.filter(({ op }) => op === 'conv2d').reduce((sum, { macs }) => sum + macs, 0),
    report.macs,
  );
  t.true(Math.abs(profile.steps.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  t.true(profile.steps.every(({ ms, bytes }) => ms >= 0 && bytes >= 0));
  const table = `${profile}`.split('\n');
  t.is(table.length, report.steps + 3);
  t.regex(table[0]!, /layer .*operator .*kernel .*ms .*GFLOP\/s/);
  t.true(table.some((line) => /^first +conv2d +tile /.test(line)));
  const { traceEvents } = JSON.parse(JSON.stringify(profile.toTrace())) as ReturnType<typeof profile.toTrace>;
  t.is(traceEvents.length, report.steps);
  for (const [i, event] of traceEvents.entries()) {
    t.is(event.ph, 'X');
    if (i > 0) t.true(event.ts >= traceEvents[i - 1]!.ts + traceEvents[i - 1]!.dur - 1e-9);
  }
});

test('a disposed model says so in every method', async (t) => {
  const model = await loadSmall();
  const feeds: Feeds = { x: image(1) };
  await model.run(feeds);
  model.dispose();
  model.dispose();
  await t.throwsAsync(model.run(feeds), disposed);
  await t.throwsAsync(model.profile(feeds), disposed);
  t.throws(() => model.runSync(feeds), disposed);
  t.throws(() => model.report({ x: [1, 3, 8, 8] }), disposed);
  t.throws(() => model.memory(), disposed);
  t.is(model.inputs[0]!.name, 'x');
  const other = await loadSmall();
  other[Symbol.dispose]();
  t.throws(() => other.memory(), disposed);
});

test('feeds that dispose the model while they are read', async (t) => {
  const model = await loadSmall();
  const feeds = {
    get x() {
      model.dispose();
      return image(1);
    },
  };
  t.throws(() => model.runSync(feeds), disposed);
});

test('models share nothing but the code', async (t) => {
  const models = await Promise.all(Array.from({ length: 12 }, () => loadSmall()));
  const x = image(3);
  const [first, ...rest] = models.map((model) => model.runSync({ x }));
  for (const result of rest) t.deepEqual(result, first);
  for (const model of models.slice(1)) model.dispose();
  t.deepEqual(models[0]!.runSync({ x }), first);
});
