/** Models whose large weights stay in their file, or in a copy of their bytes, until they are packed. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { ModelProtoSchema } from 'onnx-buf';
import { loadModel, type Model, type Tensor, tensor } from '#lib/index.js';
import { native } from '#lib/native.js';
import { storedFrom } from '#lib/onnx/tensor.js';
import { copyParts } from '#lib/work.js';
import { buildModel, floats, type ModelSpec, random } from '../support/onnx-builder.js';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-stored-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const channels = 96;
const positive = (count: number, seed: number) =>
  floats(
    [count],
    random([count], seed).data.map((value) => 0.5 + Math.abs(value)),
  );

/** Every way weights take: folded and not, transposed, read by two nodes, converted by a pass, part of an output. */
const spec = (extent: string | number): ModelSpec => ({
  inputs: { x: ['N', channels, extent, extent].map((dim) => (extent === 16 && dim === 'N' ? 1 : dim)) },
  constants: {
    w3: random([channels, channels, 3, 3], 1),
    w1: random([channels, channels, 1, 1], 2),
    up: random([channels, channels, 2, 2], 3),
    gamma: positive(channels, 4),
    beta: random([channels], 5),
    mean: random([channels], 6),
    variance: positive(channels, 7),
    dense: random([3000, channels], 8),
    bias: random([3000], 9),
  },
  nodes: [
    { op: 'Conv', name: 'conv3', inputs: ['x', 'w3'], outputs: ['a'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'BatchNormalization', name: 'norm', inputs: ['a', 'gamma', 'beta', 'mean', 'variance'], outputs: ['b'] },
    { op: 'Relu', name: 'relu', inputs: ['b'], outputs: ['c'] },
    { op: 'Conv', name: 'again', inputs: ['c', 'w3'], outputs: ['d'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Conv', name: 'conv1', inputs: ['d', 'w1'], outputs: ['e'] },
    {
      op: 'BatchNormalization',
      name: 'before',
      inputs: ['e', 'gamma', 'beta', 'mean', 'variance'],
      outputs: ['f'],
    },
    { op: 'ConvTranspose', name: 'up', inputs: ['f', 'up'], outputs: ['g'], attributes: { strides: [2, 2] } },
    { op: 'BatchNormalization', name: 'after', inputs: ['g', 'gamma', 'beta', 'mean', 'variance'], outputs: ['h'] },
    { op: 'GlobalAveragePool', name: 'pool', inputs: ['h'], outputs: ['p'] },
    { op: 'Flatten', name: 'flatten', inputs: ['p'], outputs: ['q'] },
    { op: 'Gemm', name: 'dense', inputs: ['q', 'dense', 'bias'], outputs: ['y'], attributes: { transB: 1 } },
  ],
  outputs: ['y', 'h'],
});
const bytes = buildModel(spec('S'));
const fixed = buildModel(spec(16));

let files = 0;
function fileOf(content: Uint8Array): string {
  const path = join(folder, `${files++}.onnx`);
  writeFileSync(path, content);
  return path;
}

const input = (extent: number): Tensor => {
  const { shape, data } = random([1, channels, extent, extent], extent);
  return tensor(data, shape);
};

/** The same model with its weights as lists of numbers, which are decoded with the file. */
function decoded(content: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, content);
  for (const initializer of model.graph!.initializer) {
    initializer.floatData = [...new Float32Array(initializer.rawData.slice().buffer)];
    initializer.rawData = new Uint8Array(0);
  }
  return toBinary(ModelProtoSchema, model);
}
const inMemory = decoded(bytes);

async function expected(extent: number) {
  return (await loadModel(inMemory)).runSync({ x: input(extent) });
}

const sources: Readonly<Record<string, () => string | Uint8Array>> = {
  'a file': () => fileOf(bytes),
  bytes: () => bytes.slice(),
};

const runs: Readonly<Record<string, (model: Model, x: Tensor) => Promise<object>>> = {
  run: (model, x) => model.run({ x }),
  runSync: async (model, x) => model.runSync({ x }),
};

for (const [from, source] of Object.entries(sources)) {
  for (const [name, run] of Object.entries(runs)) {
    test(`${name}, from ${from}: the same values as decoded, for one input shape after the other`, async (t) => {
      await using model = await loadModel(source());
      // Other extents choose other forms of the convolutions, which pack the weights again.
      for (const extent of [16, 3, 1, 40, 16]) t.deepEqual(await run(model, input(extent)), await expected(extent));
    });
  }

  test(`strict numerics, another instruction set: packed from ${from} as well`, async (t) => {
    const options = { numerics: 'strict', isa: 'scalar' } as const;
    await using stored = await loadModel(source(), options);
    await using whole = await loadModel(inMemory, options);
    t.deepEqual(await stored.run({ x: input(4) }), await whole.run({ x: input(4) }));
  });

  test(`memory counts weights stored in ${from} as weights`, async (t) => {
    const shape = { x: [1, channels, 16, 16] };
    await using stored = await loadModel(source(), { inputShapes: shape });
    await using whole = await loadModel(inMemory, { inputShapes: shape });
    t.deepEqual(stored.memory(), whole.memory());
    t.deepEqual(stored.report(shape), whole.report(shape));
  });
}

test('bytes that are detached while they are copied are refused', async (t) => {
  const own = bytes.slice();
  const parts: number[] = [];
  const copying = copyParts(own, (part, at) => parts.push(at, part.length));
  copying.next();
  structuredClone(own.buffer, { transfer: [own.buffer] });
  t.throws(() => copying.next(), { instanceOf: TypeError, message: /detached/ });
  t.deepEqual(parts, [0, 1 << 19]);

  const other = bytes.slice();
  const loading = loadModel(other);
  structuredClone(other.buffer, { transfer: [other.buffer] });
  await t.throwsAsync(loading, { code: 'ERR_MODEL_FORMAT' });
});

test('a copy is written and read inside of its bounds', (t) => {
  const copy = new native.WeightFile({ size: 10 });
  copy.write(2, Uint8Array.of(1, 2, 3));
  copy.write(10, new Uint8Array(0));
  const into = new Uint8Array(2);
  copy.read(3, into);
  t.deepEqual(into, Uint8Array.of(2, 3));
  for (const [at, count] of [
    [-1, 1],
    [10, 1],
    [8, 3],
    [2 ** 53, 1],
  ] as const) {
    t.throws(() => copy.write(at, new Uint8Array(count)), undefined, `write ${at} ${count}`);
    t.throws(() => copy.read(at, new Uint8Array(count)), undefined, `read ${at} ${count}`);
  }
  copy.close();
  t.throws(() => copy.read(0, into));
  t.throws(() => new native.WeightFile({ size: 2 ** 52 }), { message: /memory/ });
  for (const wrong of [undefined, 3, {}, { size: -1 }, { size: Number.NaN }])
    t.throws(() => new native.WeightFile(wrong as never), { instanceOf: TypeError });
});

test('a file that was removed is still there for the model', async (t) => {
  const path = fileOf(bytes);
  await using model = await loadModel(path);
  unlinkSync(path);
  t.deepEqual(await model.run({ x: input(16) }), await expected(16));
});

const onPosix = process.platform === 'win32' ? test.skip : test;
if (process.platform === 'win32') console.log('skipped: files that stay open while they change, which Windows refuses');

for (const [what, change] of [
  [
    'overwritten',
    (path: string) =>
      writeFileSync(
        path,
        bytes.map((byte) => byte ^ 1),
      ),
  ],
  ['cut short', (path: string) => truncateSync(path, 1000)],
] as const) {
  onPosix(`a file that was ${what} is an error where weights are needed again, and there alone`, async (t) => {
    const path = fileOf(bytes);
    await using model = await loadModel(path);
    const before = await model.run({ x: input(16) });
    change(path);
    const error = { code: 'ERR_MODEL_FORMAT', message: /'conv3'.*has changed since it was opened/ };
    await t.throwsAsync(model.run({ x: input(1) }), error);
    t.throws(() => model.runSync({ x: input(1) }), error);
    t.deepEqual(await model.run({ x: input(16) }), before);
  });
}

test('bytes of the caller may change once the model is loaded', async (t) => {
  const own = bytes.slice();
  await using model = await loadModel(own);
  own.fill(255);
  for (const extent of [16, 3]) t.deepEqual(await model.run({ x: input(extent) }), await expected(extent));
});

for (const [what, source] of [
  ['from a file', () => fileOf(fixed)],
  ['from bytes', () => fixed.slice()],
] as const) {
  test(`fixed shapes, ${what}: nothing is read again, and everything is still known`, async (t) => {
    const file = source();
    await using model = await loadModel(file);
    if (typeof file === 'string') truncateSync(file, 0);
    else file.fill(255);
    const result = await model.run({ x: input(16) });
    t.deepEqual(result, await expected(16));
    t.deepEqual(model.runSync({ x: input(16) }), result);
    t.true(model.memory().weightBytes > 1 << 20);
    t.true(model.report().parameters * 4 >= model.memory().weightBytes);
    await t.throwsAsync(model.run({ x: input(8) }), { instanceOf: RangeError });
    t.is((await model.profile({ x: input(16) })).steps.length > 0, true);
  });
}

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;
const isOpen = (path: string) =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  });

onLinux('the file is closed with the model, and with fixed shapes at once', async (t) => {
  const path = fileOf(bytes);
  const model = await loadModel(path);
  t.true(isOpen(path));
  await model[Symbol.asyncDispose]();
  t.false(isOpen(path));
  const other = fileOf(fixed);
  await using _model = await loadModel(other);
  t.false(isOpen(other));
});

onLinux('the file is closed when loading fails, whatever fails', async (t) => {
  const path = fileOf(bytes);
  const nodes = [...spec(16).nodes, { op: 'Nonsense', inputs: ['y'], outputs: ['z'] }];
  const unknown = fileOf(buildModel({ ...spec(16), nodes, outputs: ['z'] }));
  const cut = fileOf(bytes.subarray(0, bytes.length - 1));
  await t.throwsAsync(loadModel(path, { inputShapes: { x: [1, channels + 1, 8, 8] } }));
  await t.throwsAsync(loadModel(unknown), { code: 'ERR_UNSUPPORTED_OPERATOR' });
  await t.throwsAsync(loadModel(cut), { code: 'ERR_MODEL_FORMAT' });
  for (const file of [path, unknown, cut]) t.false(isOpen(file), file);
});

onLinux('an abort ends the reading of the structure, and closes the file', async (t) => {
  // One field after the other, as slow to walk as a file can be.
  const path = fileOf(new Uint8Array(64 << 20).fill(8));
  for (const turns of [0, 1]) {
    const controller = new AbortController();
    const loading = loadModel(path, { signal: controller.signal });
    t.true(isOpen(path));
    if (turns > 0) await setImmediate();
    controller.abort('enough');
    const reason: unknown = await loading.then(
      () => undefined,
      (error) => error,
    );
    t.is(reason, 'enough');
    t.false(isOpen(path));
  }
  const descriptor = openSync(path, 'r');
  const [file, stop] = [new native.WeightFile({ descriptor }), new native.StopToken()];
  closeSync(descriptor);
  stop.stop();
  await t.throwsAsync(file.readStructure(storedFrom, stop), { code: 'ERR_ABORTED' });
  file.close();
});

/** What is read of a file before its weights are wanted. */
async function structureOf(content: Uint8Array) {
  const path = fileOf(content);
  const descriptor = openSync(path, 'r');
  try {
    return await new native.WeightFile({ descriptor }).readStructure(storedFrom, undefined);
  } finally {
    closeSync(descriptor);
    unlinkSync(path);
  }
}

onPosix('the structure is the file without the large payloads', async (t) => {
  const { bytes: structure, gaps } = await structureOf(bytes);
  t.true(structure.length < bytes.length / 4, `${structure.length} of ${bytes.length} bytes`);
  const kept: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < gaps.length; i += 2) {
    kept.push(bytes.subarray(at, gaps[i]));
    at = gaps[i + 1]!;
    t.true(at - gaps[i]! >= storedFrom);
  }
  t.true(gaps.length > 0);
  t.true(Buffer.concat([...kept, bytes.subarray(at)]).equals(structure));
});

onPosix('what is no model is read whole', async (t) => {
  const noise = Uint8Array.from({ length: 3 * storedFrom }, (_, i) => (i * 7919) >> 3);
  const nested = Uint8Array.of(7 * 8 + 2, 100, 5 * 8 + 2, 200, 1, 2, 3);
  const endless = new Uint8Array(100).fill(255);
  // A graph (7) of an initializer (5) whose payload (9) is longer than all of them.
  const tooLong = Uint8Array.of(7 * 8 + 2, 9, 5 * 8 + 2, 7, 9 * 8 + 2, 255, 255, 255, 7, 1, 2);
  // A field of ten bytes, then one of a wire type that is none.
  const negative = Uint8Array.of(8, ...new Array<number>(9).fill(255), 1, 15, 1, 2, 3);
  for (const file of [noise, nested, endless, tooLong, negative, new Uint8Array(0)])
    t.deepEqual(await structureOf(file), { bytes: file, gaps: new Float64Array(0) });
});

onPosix('a file that is cut short is read as far as it goes', async (t) => {
  const small = buildModel({
    inputs: { x: [1, 2] },
    constants: { w: random([1, 2], 1) },
    nodes: [{ op: 'Add', name: 'add', inputs: ['x', 'w'], outputs: ['y'] }],
    outputs: ['y'],
  });
  for (let length = 0; length <= small.length; length++) {
    const cut = small.subarray(0, length);
    t.deepEqual(await structureOf(cut), { bytes: cut.slice(), gaps: new Float64Array(0) });
  }
});

onPosix('a structure needs a file that stays', async (t) => {
  const path = fileOf(bytes);
  const descriptor = openSync(path, 'r');
  try {
    const file = new native.WeightFile({ descriptor });
    t.throws(() => file.readStructure([] as never, undefined), { instanceOf: TypeError });
    truncateSync(path, 1000);
    await t.throwsAsync(file.readStructure(storedFrom, undefined), { code: 'ERR_MODEL_FORMAT' });
  } finally {
    closeSync(descriptor);
  }
});
