/**
 * Arguments that fight back: proxies, getters that throw or change their mind, subclasses, patched prototypes, absurd shapes,
 * memory that changes during a run. Every call works or throws a typed error, or the very error that the argument threw.
 */
import test, { type ExecutionContext } from 'ava';
import {
  add,
  concat,
  conv2d,
  convTranspose2d,
  depthwiseConv2d,
  foldBatchNorm,
  foldScale,
  fromPixels,
  LanewiseError,
  linear,
  loadModel,
  matmul,
  maxPool2d,
  prepareConv2d,
  reduce,
  relu,
  resize2d,
  scaleChannels,
  setThreads,
  softmax,
  split,
  Tensor,
  tensor,
  transpose,
} from 'lanewise';
import { image, loadSmall, slowInput, slowModel, smallBytes } from '../models/small-models.js';
import { buildModel } from '../support/onnx-builder.js';
import { count, Dice, sameBits } from '../support/operands.js';

const dice = new Dice(4);
const values = (...shape: number[]): Tensor => dice.values(shape);
type Options = Record<string, unknown>;
type Call = (x: Tensor, w: Tensor, options: Options) => unknown;

interface Entry {
  readonly x: readonly number[];
  readonly w?: readonly number[];
  readonly options: () => Options;
  readonly run: Call;
}

/** Each takes a hostile x, a hostile w and hostile options. */
const calls: Readonly<Record<string, Entry>> = {
  conv2d: {
    x: [1, 4, 6, 6],
    w: [6, 2, 3, 3],
    options: () => ({
      bias: new Float32Array(6),
      stride: [1, 2],
      padding: [1, 1, 0, 2],
      groups: 2,
      activation: { kind: 'clip', min: 0, max: 6 },
      residual: values(1, 6, 5, 4),
    }),
    run: (x, w, o) => conv2d(x, w, o),
  },
  prepareConv2d: {
    x: [1, 4, 6, 6],
    w: [6, 4, 3, 3],
    options: () => ({ bias: new Float32Array(6), scale: new Float32Array(6), padding: 'same' }),
    run: (x, w, o) => {
      const prepared = prepareConv2d(w, o);
      try {
        return prepared.run(x);
      } finally {
        prepared.dispose();
      }
    },
  },
  depthwiseConv2d: {
    x: [1, 4, 6, 6],
    w: [8, 1, 3, 3],
    options: () => ({ dilation: 2, padding: 2, layout: 'nchw' }),
    run: (x, w, o) => depthwiseConv2d(x, w, o),
  },
  convTranspose2d: {
    x: [1, 4, 3, 3],
    w: [4, 5, 2, 2],
    options: () => ({ stride: 2, outputPadding: [1, 0], bias: new Float32Array(5) }),
    run: (x, w, o) => convTranspose2d(x, w, o),
  },
  matmul: { x: [3, 4], w: [5, 4], options: () => ({ transposeB: true }), run: (x, w, o) => matmul(x, w, o) },
  linear: {
    x: [3, 4],
    w: [5, 4],
    options: () => ({ bias: new Float32Array(5), activation: 'relu' }),
    run: (x, w, o) => linear(x, w, o),
  },
  add: { x: [2, 3, 4], w: [3, 1], options: () => ({ activation: 'relu' }), run: (x, w, o) => add(x, w, o) },
  concat: { x: [2, 3], w: [2, 5], options: () => ({ axis: 1 }), run: (x, w, o) => concat([x, w], o) },
  scaleChannels: {
    x: [1, 4, 2, 2],
    w: [2],
    options: () => ({ shift: new Float32Array(2), groups: 2 }),
    run: (x, w, o) => scaleChannels(x, w, o),
  },
  foldBatchNorm: {
    x: [4, 3, 2, 2],
    w: [4],
    options: () => ({ mean: new Float32Array(4), epsilon: 1e-3 }),
    run: (x, w, o) => foldBatchNorm({ weight: x }, { ...o, mean: w, variance: w }),
  },
  foldScale: {
    x: [4, 3, 2, 2],
    w: [3],
    options: () => ({ bias: new Float32Array(4), groups: 1 }),
    run: (x, w, o) => foldScale({ weight: x, ...o }, { scale: w }, 'before'),
  },
  maxPool2d: {
    x: [1, 3, 6, 6],
    options: () => ({ stride: [2, 1], padding: 1, ceilMode: true }),
    run: (x, _, o) => maxPool2d(x, 3, o),
  },
  resize2d: {
    x: [1, 3, 4, 4],
    options: () => ({ size: [7, 9], mode: 'linear' }),
    run: (x, _, o) => resize2d(x, o as { size: [number, number] }),
  },
  reduce: { x: [2, 3, 4], options: () => ({ axes: [0, -1], keepDims: true }), run: (x, _, o) => reduce(x, 'sum', o) },
  softmax: { x: [2, 9], options: () => ({ axis: 1 }), run: (x, _, o) => softmax(x, o) },
  split: { x: [2, 6], options: () => ({ axis: 1 }), run: (x, _, o) => split(x, [2, 4], o) },
  transpose: { x: [2, 3, 4], options: () => ({}), run: (x, _, o) => transpose(x, [2, 0, 1], o) },
  relu: { x: [3, 5], options: () => ({}), run: (x, _, o) => relu(x, o) },
};

const mine = new Error('thrown by the argument');

const isTyped = (error: unknown): boolean =>
  error === mine || error instanceof TypeError || error instanceof RangeError || error instanceof LanewiseError;

function survives(t: ExecutionContext, name: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!isTyped(error)) t.fail(`${name}: ${error}`);
    // What only the library can get wrong is its own fault, whoever provoked it.
    if (error instanceof LanewiseError && error.code === 'ERR_INTERNAL') t.fail(`${name}: ${error}`);
  }
}

const own = <T extends object>(target: T, field: string, descriptor: PropertyDescriptor): T =>
  Object.defineProperty(target, field, { configurable: true, ...descriptor });

/** Gives the first value so many times, then the others. */
function changing(first: unknown, times: number, later: unknown): () => unknown {
  let reads = 0;
  return () => (reads++ < times ? first : later);
}

/** Tensors that are not what they seem. */
const hostileTensors: Readonly<Record<string, (t: Tensor) => unknown>> = {
  proxy: (t) => new Proxy(t, {}),
  'proxy that throws': (t) =>
    new Proxy(t, {
      get() {
        throw mine;
      },
    }),
  'revoked proxy': (t) => {
    const { proxy, revoke } = Proxy.revocable(t, {});
    revoke();
    return proxy;
  },
  'object with the fields of one': ({ type, data, shape, size }) => ({ type, data, shape, size }),
  'object with the prototype of one': () => Object.create(Tensor.prototype) as Tensor,
  'data that throws': (t) =>
    own(t, 'data', {
      get() {
        throw mine;
      },
    }),
  'proxy as data': (t) => own(t, 'data', { value: new Proxy(t.data, {}) }),
  'proxy as shape': (t) => own(t, 'shape', { value: new Proxy(t.shape, {}) }),
  'data of another length': (t) => own(t, 'data', { value: t.data.subarray(1) }),
  'data with a length of its own': (t) =>
    own(t, 'data', { value: own(t.data.slice(1), 'length', { value: t.data.length }) }),
  'data with a buffer of its own': (t) => own(t, 'data', { value: own(t.data.slice(), 'buffer', { value: 7 }) }),
  'shape with a length beyond its elements': (t) => {
    const shape = [...t.shape];
    shape.length = 9;
    return own(t, 'shape', { value: shape });
  },
  'detached data': (t) => {
    structuredClone(t.data, { transfer: [t.data.buffer as ArrayBuffer] });
    return t;
  },
  'subclassed data': ({ data, shape }) => new Tensor('float32', new (class extends Float32Array {})(data), shape),
  'subclassed data that lies': ({ data, shape }) => {
    class Lying extends Float32Array {
      override get length(): number {
        return data.length;
      }
    }
    return new Tensor('float32', new Lying(data.length - 1), shape);
  },
  symbol: () => Symbol('x'),
  'object whose constructor throws': () =>
    own({}, 'constructor', {
      get() {
        throw mine;
      },
    }),
  'object whose constructor has no word for a name': () => ({ constructor: { name: Symbol('x') } }),
  'object without a prototype': () => Object.create(null) as object,
};

/** A check that reads once and a use that reads again must not see two tensors. */
const changingTensors: Readonly<Record<string, (t: Tensor, times: number) => unknown>> = {
  data: (t, times) => own(t, 'data', { get: changing(t.data, times, t.data.slice(0, 1)) }),
  'data to another type': (t, times) => own(t, 'data', { get: changing(t.data, times, new Int8Array(t.size)) }),
  'data to nothing': (t, times) => own(t, 'data', { get: changing(t.data, times, undefined) }),
  shape: (t, times) =>
    own(t, 'shape', {
      get: changing(
        t.shape,
        times,
        t.shape.map((extent) => extent * 3),
      ),
    }),
  'rank of the shape': (t, times) => own(t, 'shape', { get: changing(t.shape, times, []) }),
  'elements of the shape': (t, times) => {
    const shape = [...t.shape];
    own(shape, '0', { enumerable: true, get: changing(t.shape[0], times, 999) });
    return own(t, 'shape', { value: shape });
  },
};

for (const [name, { x, w, options, run }] of Object.entries(calls)) {
  test(`${name}: hostile tensors`, (t) => {
    const good = () => [values(...x), values(...(w ?? [1]))] as [Tensor, Tensor];
    const places = w ? [0, 1] : [0];
    for (const place of places) {
      for (const [what, make] of Object.entries(hostileTensors)) {
        const both = good();
        both[place] = make(both[place]!) as Tensor;
        survives(t, `${what} at ${place}`, () => run(both[0], both[1], options()));
      }
      for (const [what, make] of Object.entries(changingTensors)) {
        for (let times = 0; times < 12; times++) {
          const both = good();
          both[place] = make(both[place]!, times) as Tensor;
          survives(t, `${what} that changes after ${times} reads at ${place}`, () => run(both[0], both[1], options()));
        }
      }
    }
    t.notThrows(() => run(...good(), options()));
  });

  test(`${name}: hostile options`, (t) => {
    const call = (what: string, given: unknown) =>
      survives(t, what, () => run(values(...x), values(...(w ?? [1])), given as Options));
    const trap = () => {
      throw mine;
    };
    call('proxy', new Proxy(options(), {}));
    call('proxy that throws', new Proxy(options(), { get: trap }));
    call('proxy without keys', new Proxy(options(), { ownKeys: trap }));
    call('proxy of a function', new Proxy(() => {}, {}));
    call('proto key', JSON.parse('{"__proto__": {"stride": 3}}'));
    call('inherited options', Object.create(options()));
    for (const strange of [null, 0, '', Symbol('o'), 1n, [], new Map(), new Float32Array(3), values(1), () => {}])
      call('no options', strange);
    for (const [field, value] of [...Object.entries(options()), ['out', values(1)], ['isa', 'scalar']] as const) {
      const made = (descriptor: PropertyDescriptor) => own(options(), field, { enumerable: true, ...descriptor });
      call(`${field} throws`, made({ get: trap }));
      const strangers = [
        null,
        Number.NaN,
        -0,
        1e300,
        2 ** 31,
        -1,
        '',
        'same',
        {},
        [],
        [[]],
        [1e300, Number.NaN],
        Symbol('s'),
        1n,
      ];
      for (const later of [
        ...strangers,
        new Proxy([], {}),
        new Proxy({}, { get: trap }),
        new Float32Array(0),
        values(1),
      ]) {
        for (const times of [0, 1, 2, 3]) call(`${field} changes`, made({ get: changing(value, times, later) }));
      }
      if (Array.isArray(value)) {
        for (const times of [0, 1, 2, 3]) {
          const list = own([...value], '0', { enumerable: true, get: changing(value[0], times, 2 ** 40) });
          call(`${field}[0] changes`, made({ value: list }));
          call(`${field} is a proxy`, made({ value: new Proxy(value, {}) }));
        }
      }
    }
    t.notThrows(() => run(values(...x), values(...(w ?? [1])), options()));
  });
}

const strangeShapes: readonly unknown[] = [
  [Number.NaN],
  [-0, 4],
  [1e300],
  [1e300, 0],
  [2 ** 53],
  [-1, -4],
  [0.5, 8],
  [4, Infinity],
  ['4'],
  [4n],
  [[4]],
  [undefined, 4],
  new Array(3),
  new Array(2 ** 32 - 1),
  { length: 1, 0: 4 },
  new Int32Array([4]),
  new Set([4]),
  '4',
  4,
  null,
  undefined,
  Symbol('shape'),
  new Proxy([4], {}),
  new Proxy([4], {
    get() {
      throw mine;
    },
  }),
  new Array<number>(5000).fill(1).concat(4),
];

test('strange shapes', (t) => {
  for (const [i, shape] of strangeShapes.entries()) {
    survives(t, `shape ${i}`, () => {
      const made = tensor(new Float32Array(4), shape as number[]);
      for (const run of [relu, softmax, transpose] as ((x: Tensor) => Tensor)[])
        survives(t, `shape ${i}`, () => run(made));
      survives(t, `shape ${i}`, () => reduce(made, 'sum'));
      survives(t, `shape ${i}`, () => add(made, made));
      survives(t, `shape ${i}`, () => concat([made, made], { axis: 0 }));
    });
  }
  for (const times of [1, 2, 3, 4]) {
    const shape = own([4], '0', { enumerable: true, get: changing(4, times, 2 ** 30) }) as number[];
    survives(t, `a shape that changes after ${times} reads`, () => {
      const made = new Tensor('float32', new Float32Array(4), shape);
      t.is(count(made.shape), made.size, 'the shape that was checked is the one that is kept');
    });
  }
  t.pass();
});

test.serial('patched prototypes', (t) => {
  const iterator = Array.prototype[Symbol.iterator];
  const typed = Object.getPrototypeOf(Float32Array.prototype) as object;
  const length = Object.getOwnPropertyDescriptor(typed, 'length')!;
  const patches: readonly (readonly [string, object, PropertyKey, PropertyDescriptor])[] = [
    [
      'array iterator that throws',
      Array.prototype,
      Symbol.iterator,
      {
        value: () => {
          throw mine;
        },
      },
    ],
    ['array iterator without elements', Array.prototype, Symbol.iterator, { value: () => iterator.call([]) }],
    ['lengths of 2^40', typed, 'length', { get: () => 2 ** 40 }],
    ['lengths of 0', typed, 'length', { get: () => 0 }],
    ['byte offsets of -1', typed, 'byteOffset', { get: () => -1 }],
    ['options of every object', Object.prototype, 'stride', { value: 7, writable: true }],
  ];
  for (const [what, target, key, patch] of patches) {
    for (const [name, { x, w, options, run }] of Object.entries(calls)) {
      const [a, b, o] = [values(...x), values(...(w ?? [1])), options()];
      const before = Object.getOwnPropertyDescriptor(target, key);
      let thrown: unknown;
      Object.defineProperty(target, key, { configurable: true, ...patch });
      try {
        run(a, b, o);
      } catch (error) {
        thrown = error;
      } finally {
        if (before) Object.defineProperty(target, key, before);
        else delete (target as Record<PropertyKey, unknown>)[key];
      }
      if (thrown !== undefined && !isTyped(thrown)) t.fail(`${name}, ${what}: ${thrown}`);
      t.notThrows(() => run(a, b, o), `${name} after ${what}`);
    }
  }
  t.is(Object.getOwnPropertyDescriptor(typed, 'length')!.get, length.get);
});

test('pictures and threads', (t) => {
  const pixels = new Uint8Array(4 * 3 * 3);
  const good = { width: 4, height: 3, resize: [6, 8], mean: [0, 0, 0], std: 1 };
  const run = (p: unknown, o: unknown) => fromPixels(p as Uint8Array, o as { width: number; height: number });
  for (const [field, value] of Object.entries(good)) {
    for (const later of [null, Number.NaN, 1e300, 2 ** 31, -1, [], [1e300, 1e300], 'x', Symbol('s'), {}]) {
      for (const times of [0, 1, 2]) {
        const options = own({ ...good }, field, { enumerable: true, get: changing(value, times, later) });
        survives(t, `fromPixels ${field}`, () => run(pixels, options));
      }
    }
  }
  for (const strange of [
    new Proxy(pixels, {}),
    own(new Uint8Array(1), 'length', { value: 36 }),
    {},
    null,
    'x',
    Symbol('p'),
  ])
    survives(t, 'fromPixels', () => run(strange, good));
  for (const strange of [Number.NaN, -0, 1e300, '4', null, {}, Symbol('n'), new Proxy({}, {})])
    survives(t, 'setThreads', () => setThreads(strange as number));
  t.notThrows(() => run(pixels, good));
});

async function settles(t: ExecutionContext, name: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isTyped(error) || (error instanceof LanewiseError && error.code === 'ERR_INTERNAL'))
      t.fail(`${name}: ${error}`);
  }
}

test('hostile feeds', async (t) => {
  const model = await loadSmall();
  const x = () => image(1);
  const { y } = await model.run({ x: x() });
  const trap = () => {
    throw mine;
  };
  const feeds: Readonly<Record<string, () => unknown>> = {
    null: () => null,
    number: () => 7,
    symbol: () => Symbol('feeds'),
    array: () => [x()],
    tensor: x,
    empty: () => ({}),
    'prototype that has the input': () => Object.create({ x: x() }),
    'proto key': () => JSON.parse('{"__proto__": {"x": 1}}'),
    'proto key and input': () => ({ ...(JSON.parse('{"__proto__": 1}') as object), x: x() }),
    'constructor key': () => ({ x: x(), constructor: x() }),
    proxy: () => new Proxy({ x: x() }, {}),
    'proxy that throws': () => new Proxy({ x: x() }, { get: trap }),
    'proxy whose keys throw': () => new Proxy({ x: x() }, { ownKeys: trap }),
    'getter that throws': () => own({}, 'x', { enumerable: true, get: trap }),
    'getter that changes': () => own({}, 'x', { enumerable: true, get: changing(x(), 1, null) }),
    ...Object.fromEntries(Object.entries(hostileTensors).map(([name, make]) => [name, () => ({ x: make(x()) })])),
    ...Object.fromEntries(
      Object.entries(changingTensors).flatMap(([name, make]) =>
        Array.from({ length: 10 }, (_, times) => [`${name} after ${times}`, () => ({ x: make(x(), times) })]),
      ),
    ),
  };
  for (const [name, make] of Object.entries(feeds)) {
    await settles(t, `run: ${name}`, () => model.run(make() as { x: Tensor }));
    survives(t, `runSync: ${name}`, () => model.runSync(make() as { x: Tensor }));
    await settles(t, `profile: ${name}`, () => model.profile(make() as { x: Tensor }));
  }
  for (const options of [
    null,
    1,
    [],
    new Proxy({}, { ownKeys: trap }),
    { outputs: [Symbol('y')] },
    { outputs: new Proxy(['y'], {}) },
    { signal: {} },
  ])
    await settles(t, 'run options', () => model.run({ x: x() }, options as object));
  t.true(sameBits((await model.run({ x: x() }))['y']!.data, y!.data), 'the model is as it was');
  model.dispose();
});

test('hostile options and sources of a model', async (t) => {
  const trap = () => {
    throw mine;
  };
  const given: readonly unknown[] = [
    null,
    1,
    new Proxy({}, { ownKeys: trap }),
    own({}, 'threads', { enumerable: true, get: trap }),
    { inputShapes: { x: [Number.NaN, 3, 8, 8] } },
    { inputShapes: { x: [1e300, 3, 8, 8] } },
    { inputShapes: { x: 'abcd' } },
    { inputShapes: JSON.parse('{"__proto__": [1, 3, 8, 8]}') },
    { inputShapes: new Proxy({ x: [1, 3, 8, 8] }, {}) },
    { inputShapes: new Proxy({ x: [1, 3, 8, 8] }, { ownKeys: trap }) },
    { limits: { maxNodes: Symbol('n') } },
    { externalData: JSON.parse('{"__proto__": 1}') },
  ];
  for (const [i, options] of given.entries())
    await settles(t, `options ${i}`, async () => (await loadModel(smallBytes, options as object)).dispose());
  const sources = [
    null,
    7,
    Symbol('s'),
    {},
    new Proxy(smallBytes, {}),
    own(smallBytes.slice(), 'length', { value: 2 ** 40 }),
  ];
  for (const [i, source] of sources.entries())
    await settles(t, `source ${i}`, async () => (await loadModel(source as Uint8Array)).dispose());
  t.pass();
});

test('inputs and outputs named like parts of a prototype', async (t) => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty'];
  for (const input of names) {
    for (const output of names) {
      if (input === output) continue;
      const inputs = Object.fromEntries([[input, [2, 3]]]);
      const bytes = buildModel({
        inputs,
        outputs: [output],
        nodes: [{ op: 'Relu', inputs: [input], outputs: [output] }],
      });
      const model = await loadModel(bytes);
      const feeds = Object.fromEntries([[input, tensor([-1, 2, -3, 4, -5, 6], [2, 3])]]);
      for (const results of [await model.run(feeds), model.runSync(feeds)]) {
        t.deepEqual(Object.keys(results), [output]);
        t.is(Object.getPrototypeOf(results), Object.prototype);
        t.deepEqual([...Object.getOwnPropertyDescriptor(results, output)!.value.data], [0, 2, 0, 4, 0, 6]);
      }
      model.dispose();
    }
  }
});

test('inputs may be overwritten as soon as run has returned', async (t) => {
  const [small, slow] = [await loadSmall(), await slowModel(3, { maxConcurrency: 1 })];
  for (const [model, make] of [
    [small, () => image(5)],
    [slow, () => slowInput(5)],
  ] as const) {
    const expected = (await model.run({ x: make() }))['y']!;
    // The first begins at once, the others wait in the queue.
    const runs = Array.from({ length: 4 }, () => {
      const x = make();
      const run = model.run({ x });
      x.data.fill(Number.NaN);
      structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] });
      return run;
    });
    for (const { y } of await Promise.all(runs)) t.true(sameBits(y!.data, expected.data));
    model.dispose();
  }
});
