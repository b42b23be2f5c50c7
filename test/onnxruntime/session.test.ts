/** `InferenceSession` on small models: the same calls on onnxruntime and here. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { LanewiseError } from '#lib/index.js';
import * as ort from '#lib/onnxruntime/index.js';
import { image, slowBytes, smallBytes } from '../models/small-models.js';
import { relativeDifference } from '../support/check-model.js';
import { buildModel } from '../support/onnx-builder.js';
import { type Engine, engines } from './engine.js';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-ort-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** For arguments that the types forbid. */
const any = (value: unknown): never => value as never;

const pixels = (batch = 1) => image(1, batch).data;
/** The input of most models here. */
const input = (engine: Engine, batch = 1) => new engine.Tensor('float32', pixels(batch), [batch, 3, 8, 8]);

test('names and metadata are those of onnxruntime', async (t) => {
  const unnamed = buildModel({
    inputs: { x: ['N', 3, '', ''] },
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    outputs: ['y'],
  });
  const declared = await Promise.all(
    Object.values(engines).map(async ({ InferenceSession }) => {
      const session = await InferenceSession.create(smallBytes);
      const { inputMetadata } = await InferenceSession.create(unnamed);
      return [session.inputNames, session.outputNames, session.inputMetadata, inputMetadata];
    }),
  );
  t.deepEqual(declared[0], declared[1]);
});

/** Every way to call `run` that succeeds; both engines have to give the same outputs in the same order. */
const calls: Readonly<Record<string, (session: ort.InferenceSession, engine: Engine) => Promise<object>>> = {
  'all outputs': (s, e) => s.run({ x: input(e) }),
  'a batch': (s, e) => s.run({ x: input(e, 3) }),
  'options alone': (s, e) => s.run({ x: input(e) }, { logSeverityLevel: 3, tag: 'a' }),
  'one name': (s, e) => s.run({ x: input(e) }, ['m']),
  'names in another order': (s, e) => s.run({ x: input(e) }, ['m', 'y'], { tag: 'a' }),
  'a name twice': (s, e) => s.run({ x: input(e) }, ['y', 'y']),
  'a null': (s, e) => s.run({ x: input(e) }, { m: null }),
  'a null and options': (s, e) => s.run({ x: input(e) }, { m: null }, { tag: 'a' }),
  'an object without outputs is options': (s, e) => s.run({ x: input(e) }, any({ q: null })),
  'more feeds than inputs': (s, e) => s.run({ x: input(e), other: input(e) }),
  'a place to write to': (s, e) =>
    s.run({ x: input(e) }, { m: new e.Tensor(new Float32Array(10), [1, 10, 1, 1]), y: null }),
};

for (const [name, call] of Object.entries(calls)) {
  test(`run: ${name}`, async (t) => {
    const [ours, theirs] = await Promise.all(
      Object.values(engines).map(async (engine) => {
        const session = await engine.InferenceSession.create(smallBytes);
        const results = (await call(session as ort.InferenceSession, engine)) as ort.InferenceSession.ReturnType;
        return Object.entries(results);
      }),
    );
    t.deepEqual(ours!.map(([output]) => output).sort(), theirs!.map(([output]) => output).sort());
    const expected = Object.fromEntries(theirs!);
    for (const [output, tensor] of ours!) {
      const { type, dims, data, location } = expected[output]!;
      t.true(tensor instanceof ort.Tensor);
      t.deepEqual([tensor.type, tensor.dims, tensor.location], [type, dims, location]);
      t.true(relativeDifference(tensor.data as Float32Array, data as Float32Array) < 1e-5);
    }
  });
}

test('a place to write to is written to, and returned', async (t) => {
  const session = await ort.InferenceSession.create(smallBytes);
  const place = new ort.Tensor('float32', new Float32Array(10), [1, 10, 1, 1]);
  const { m } = await session.run({ x: input(engines.lanewise) }, { m: place });
  t.is(m, place);
  t.deepEqual(place.data, (await session.run({ x: input(engines.lanewise) }))['m']!.data);
});

test('tensors of onnxruntime-common are taken as they are', async (t) => {
  const session = await ort.InferenceSession.create(smallBytes);
  const { y } = await session.run({ x: input(engines.onnxruntime) });
  t.deepEqual(y, (await session.run({ x: input(engines.lanewise) }))['y']!);
});

type Failing = (session: ort.InferenceSession, engine: Engine) => Promise<unknown>;
type Expected = {
  readonly instanceOf?: ErrorConstructor | typeof LanewiseError;
  readonly code?: string;
  readonly message?: RegExp;
};

/** Every one rejects on onnxruntime too; ours is an error of a kind, with words. */
const failures: Readonly<Record<string, readonly [Failing, Expected]>> = {
  'no feeds': [
    (s) => s.run(any(undefined)),
    { instanceOf: TypeError, message: /feeds: expected an object of tensors/ },
  ],
  'feeds that are a tensor': [(s, e) => s.run(any(input(e))), { instanceOf: TypeError, message: /feeds: expected/ }],
  'feeds that are an array': [(s, e) => s.run(any([input(e)])), { instanceOf: TypeError, message: /got an array/ }],
  'a missing input': [(s) => s.run({}), { instanceOf: TypeError, message: /input 'x' is missing in feeds/ }],
  'a bare array': [
    (s) => s.run({ x: any(pixels()) }),
    { instanceOf: TypeError, message: /input 'x': expected a Tensor, got a Float32Array/ },
  ],
  'a null feed': [(s) => s.run({ x: any(null) }), { instanceOf: TypeError, message: /input 'x': expected a Tensor/ }],
  'another rank': [
    (s, e) => s.run({ x: new e.Tensor(pixels(), [3, 8, 8]) }),
    { instanceOf: RangeError, message: /\[N, 3, 8, 8\], got \[3, 8, 8\]/ },
  ],
  'another extent': [
    (s, e) => s.run({ x: new e.Tensor(new Float32Array(256), [1, 4, 8, 8]) }),
    { instanceOf: RangeError, message: /got \[1, 4, 8, 8\]/ },
  ],
  'another type': [
    (s, e) => s.run({ x: new e.Tensor('int32', new Int32Array(192), [1, 3, 8, 8]) }),
    { instanceOf: TypeError, message: /input 'x': expected a float32 Tensor, got int32/ },
  ],
  'a type that is not carried': [
    (s, e) => s.run({ x: new e.Tensor('uint16', new Uint16Array(192), [1, 3, 8, 8]) }),
    { instanceOf: TypeError, message: /input 'x': .*uint16/ },
  ],
  'a disposed tensor': [
    async (s, e) => {
      const x = input(e);
      x.dispose();
      return s.run({ x });
    },
    { instanceOf: TypeError, message: /input 'x': .*disposed/ },
  ],
  'fetches: an unknown name': [
    (s, e) => s.run({ x: input(e) }, ['q']),
    { instanceOf: RangeError, message: /no output 'q'; outputs: y, m/ },
  ],
  'fetches: no names': [(s, e) => s.run({ x: input(e) }, []), { instanceOf: TypeError, message: /empty array/ }],
  'fetches: no strings': [(s, e) => s.run({ x: input(e) }, any([1])), { instanceOf: TypeError, message: /got 1/ }],
  'fetches: null': [(s, e) => s.run({ x: input(e) }, any(null)), { instanceOf: TypeError, message: /got null/ }],
  'fetches: a tensor': [(s, e) => s.run({ x: input(e) }, any(input(e))), { instanceOf: TypeError }],
  'fetches: a string': [(s, e) => s.run({ x: input(e) }, any('y')), { instanceOf: TypeError, message: /got 'y'/ }],
  'fetches: another extent': [
    (s, e) => s.run({ x: input(e) }, { m: new e.Tensor(new Float32Array(11), [1, 11, 1, 1]) }),
    {
      instanceOf: RangeError,
      message: /output 'm': expected a tensor of float32 \[1, 10, 1, 1\].*got float32 \[1, 11/,
    },
  ],
  'fetches: another type': [
    (s, e) => s.run({ x: input(e) }, { m: new e.Tensor(new Int32Array(10), [1, 10, 1, 1]) }),
    { instanceOf: RangeError, message: /got int32/ },
  ],
  'options: no object': [
    (s, e) => s.run({ x: input(e) }, ['y'], any(5)),
    { instanceOf: TypeError, message: /options/ },
  ],
  'options: a severity that is none': [
    (s, e) => s.run({ x: input(e) }, { logSeverityLevel: any(9) }),
    { instanceOf: RangeError, message: /run: logSeverityLevel: expected one of 0, 1, 2, 3, 4, got 9/ },
  ],
  released: [
    async (s, e) => {
      await s.release();
      return s.run({ x: input(e) });
    },
    { instanceOf: LanewiseError, code: 'ERR_DISPOSED' },
  ],
};

for (const [name, [call, expected]] of Object.entries(failures)) {
  test(`run rejects: ${name}`, async (t) => {
    for (const [key, engine] of Object.entries(engines)) {
      const session = (await engine.InferenceSession.create(smallBytes)) as ort.InferenceSession;
      const run = call(session, engine);
      await (key === 'lanewise' ? t.throwsAsync(run, expected) : t.throwsAsync(run, { any: true }));
    }
  });
}

test('run rejects, never throws', async (t) => {
  const session = await ort.InferenceSession.create(smallBytes);
  const promise = session.run(any(null));
  t.true(promise instanceof Promise);
  await t.throwsAsync(promise);
});

test.serial('a run leaves the event loop free', async (t) => {
  const session = await ort.InferenceSession.create(slowBytes(8), { intraOpNumThreads: 1 });
  const x = new ort.Tensor('float32', new Float32Array(64 * 32 * 32), [1, 64, 32, 32]);
  await session.run({ x });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const runs = Promise.all(Array.from({ length: 12 }, () => session.run({ x })));
  t.is(turns, 0);
  await runs;
  clearInterval(timer);
  t.true(turns > 0, 'timers fired during the runs');
});

test('terminate and signal end a run', async (t) => {
  const session = await ort.InferenceSession.create(smallBytes);
  const x = input(engines.lanewise);
  await t.throwsAsync(session.run({ x }, { terminate: true }), { instanceOf: LanewiseError, code: 'ERR_ABORTED' });
  await t.throwsAsync(session.run({ x }, { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' });
  t.truthy(await session.run({ x }, { terminate: false }));
});

test('released twice', async (t) => {
  const session = await ort.InferenceSession.create(smallBytes);
  await session.release();
  await t.notThrowsAsync(session.release());
  t.deepEqual(session.inputNames, ['x']);
});

const both = async (t: ExecutionContext, args: readonly unknown[], works: boolean) => {
  for (const [key, { InferenceSession }] of Object.entries(engines)) {
    const load = (InferenceSession.create as (...args: readonly unknown[]) => Promise<ort.InferenceSession>)(...args);
    if (works) t.deepEqual((await load).inputNames, ['x'], key);
    else await t.throwsAsync(load, { any: true }, key);
  }
};

test('create: paths and bytes', async (t) => {
  const path = join(folder, 'small.onnx');
  writeFileSync(path, smallBytes);
  const padded = new Uint8Array(smallBytes.length + 9);
  padded.set(smallBytes, 5);
  const { buffer } = padded;
  const whole = smallBytes.slice().buffer;
  await both(t, [path], true);
  await both(t, [path, {}], true);
  await both(t, [path, undefined], true);
  await both(t, [smallBytes], true);
  await both(t, [Buffer.from(smallBytes)], true);
  await both(t, [whole], true);
  await both(t, [whole, {}], true);
  await both(t, [whole, 0], true);
  await both(t, [buffer, 5, smallBytes.length], true);
  await both(t, [buffer, 5, smallBytes.length, {}], true);
  for (const args of [
    [],
    [null],
    [5],
    [{}],
    [join(folder, 'nothing.onnx')],
    [new Uint8Array(50)],
    [path, 5],
    [path, null],
    [buffer, 'a'],
    [buffer, -1],
    [buffer, 1.5],
    [buffer, buffer.byteLength],
    [buffer, 5, 0],
    [buffer, 5, buffer.byteLength],
    [buffer, 5, '9'],
    [buffer, 5, smallBytes.length, null],
  ])
    await both(t, args, false);
});

test('weights that are given', async (t) => {
  const proto = fromBinary(ModelProtoSchema, smallBytes);
  const weights = proto.graph!.initializer[0]!;
  const { rawData: data } = weights;
  weights.dataLocation = 1;
  weights.externalData = Object.entries({ location: 'weights.bin', offset: '0', length: `${data.length}` }).map(
    ([key, value]) => create(StringStringEntryProtoSchema, { key, value }),
  );
  weights.rawData = new Uint8Array(0);
  const bytes = toBinary(ModelProtoSchema, proto);
  const path = join(folder, 'weights.bin');
  writeFileSync(path, data);
  const x = input(engines.lanewise);
  const plain = await ort.InferenceSession.create(smallBytes);
  const expected = await plain.run({ x });
  const described = [{ path: 'weights.bin', data }];
  for (const externalData of [
    described,
    [{ path: './weights.bin', data: new Blob([data as never]) }],
    [{ path: 'weights.bin', data: path }],
    [path],
  ]) {
    const session = await ort.InferenceSession.create(bytes, { externalData });
    t.deepEqual(await session.run({ x }), expected);
  }
  const theirs = await engines.onnxruntime.InferenceSession.create(bytes, { externalData: described });
  t.is(Object.keys(await theirs.run({ x: input(engines.onnxruntime) })).length, 2);
  const formatError = { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' } as const;
  await t.throwsAsync(ort.InferenceSession.create(bytes), formatError);
  const other = [{ path: 'other.bin', data }];
  await t.throwsAsync(ort.InferenceSession.create(bytes, { externalData: other }), {
    ...formatError,
    message: /'weights\.bin' is not among the files given: other\.bin/,
  });
  const short = [{ path: 'weights.bin', data: data.subarray(4) }];
  await t.throwsAsync(ort.InferenceSession.create(bytes, { externalData: short }), formatError);
});

test('profiling: a trace file with every step of every run', async (t) => {
  const prefix = join(folder, 'profile');
  const files = () => readdirSync(folder).filter((name) => name.startsWith('profile'));
  const options = { enableProfiling: true, profileFilePrefix: prefix };
  const session = await ort.InferenceSession.create(smallBytes, options);
  const x = input(engines.lanewise);
  const { y } = await session.run({ x });
  t.deepEqual(y, (await (await ort.InferenceSession.create(smallBytes)).run({ x }))['y']!, 'the results are the same');
  await session.run({ x }, ['m']);
  t.deepEqual(files(), []);
  session.endProfiling();
  session.endProfiling();
  await session.run({ x });
  await session.release();
  const [file, ...more] = files();
  t.deepEqual(more, []);
  t.regex(file!, /^profile_\d{4}-\d\d-\d\d_[\d-]+\.json$/);
  const { traceEvents } = JSON.parse(readFileSync(join(folder, file!), 'utf8')) as {
    traceEvents: { name: string; ts: number; dur: number }[];
  };
  const half = traceEvents.length / 2;
  const names = traceEvents.map(({ name }) => name);
  t.true(names.includes('first') && names.includes('second'));
  t.deepEqual(names.slice(0, half), names.slice(half), 'two runs');
  for (const [i, { ts, dur }] of traceEvents.slice(0, -1).entries())
    t.true(traceEvents[i + 1]!.ts >= ts + dur - 1, 'one after the other');
});

test('env', (t) => {
  t.is(ort.env.logLevel, 'warning');
  ort.env.logLevel = 'error';
  t.is(ort.env.logLevel, 'error');
  t.throws(() => Object.assign(ort.env, { logLevel: 'loud' }), { instanceOf: RangeError, message: /env: logLevel/ });
  ort.env.wasm['numThreads'] = 4;
  t.deepEqual(Object.keys(ort.env).sort(), Object.keys(engines.onnxruntime.env).sort());
  t.deepEqual(ort.listSupportedBackends(), [{ name: 'cpu', bundled: true }]);
  t.throws(() => ort.registerBackend('mine', {}, 1), { instanceOf: TypeError, message: /cannot be added here/ });
  t.notThrows(() => ort.TRACE('cpu', 'label'));
});
