/** Options: honoured, accepted because they cannot change a result, or refused by name. */
import test from 'ava';
import { loadModel } from '#lib/index.js';
import * as ort from '#lib/onnxruntime/index.js';
import { image, loadSmall, slowBytes, slowInput, smallBytes } from '../models/small-models.js';
import { engines } from './engine.js';

const create = (options: unknown) => ort.InferenceSession.create(smallBytes, options as never);

const accepted: readonly object[] = [
  {},
  { foo: 1 },
  { intraOpNumThreads: 0, interOpNumThreads: 0 },
  { intraOpNumThreads: 200, interOpNumThreads: 3 },
  { executionProviders: [] },
  { executionProviders: ['cpu'] },
  { executionProviders: [{ name: 'cpu', useArena: true }] },
  { enableCpuMemArena: false, enableMemPattern: false, enableGraphCapture: true },
  { executionMode: 'parallel' },
  { logId: 'a', logSeverityLevel: 4, logVerbosityLevel: 1 },
  { preferredOutputLocation: 'cpu' },
  { graphOptimizationLevel: 'basic' },
  { extra: { session: { set_denormal_as_zero: '0', disable_prepacking: '1' } } },
  { externalData: [] },
];

test('accepted', async (t) => {
  const x = image(1);
  const expected = (await loadSmall()).runSync({ x });
  for (const options of accepted) {
    const session = await create(options);
    const { y } = await session.run({ x: new ort.Tensor(x.data, x.shape) });
    t.deepEqual(y!.data, expected['y']!.data, JSON.stringify(options));
    await t.notThrowsAsync(engines.onnxruntime.InferenceSession.create(smallBytes, options));
  }
});

test('accepted here: the names of other runtimes for the processor, what is undefined', async (t) => {
  for (const options of [
    { executionProviders: ['wasm'] },
    { executionProviders: ['webgpu', 'cpu'] },
    { intraOpNumThreads: undefined },
  ])
    t.deepEqual((await create(options)).inputNames, ['x']);
});

type Refusal = readonly [options: unknown, error: ErrorConstructor, message: RegExp, alsoThere?: boolean];
const refused: readonly Refusal[] = [
  [null, TypeError, /options: expected an object, got null/],
  [5, TypeError, /options: expected an object, got 5/],
  [{ intraOpNumThreads: -1 }, RangeError, /intraOpNumThreads: expected an integer of at least 0, got -1/],
  [{ intraOpNumThreads: 1.5 }, RangeError, /intraOpNumThreads/],
  [{ intraOpNumThreads: '2' }, TypeError, /intraOpNumThreads: expected a number, got '2'/],
  [
    { graphOptimizationLevel: 'most' },
    RangeError,
    /graphOptimizationLevel: expected one of disabled, basic, .*got 'most'/,
  ],
  [{ executionProviders: 'cpu' }, TypeError, /executionProviders: expected an array, got 'cpu'/],
  [{ executionProviders: ['cuda'] }, RangeError, /executionProviders: expected a list with 'cpu'.*got cuda/, false],
  [{ executionProviders: [{ name: 'coreml' }] }, RangeError, /executionProviders: .*got coreml/, false],
  [{ executionMode: 'both' }, RangeError, /executionMode: expected one of sequential, parallel/],
  [{ enableProfiling: 'yes' }, TypeError, /enableProfiling: expected true or false, got 'yes'/],
  [{ enableCpuMemArena: 1 }, TypeError, /enableCpuMemArena: expected true or false/],
  [{ logSeverityLevel: 9 }, RangeError, /logSeverityLevel: expected one of 0, 1, 2, 3, 4, got 9/],
  [{ externalData: {} }, TypeError, /externalData: expected an array/],
  [{ externalData: [5] }, TypeError, /externalData\[0\]: expected an object, got 5/],
  [{ externalData: [{ path: 'a' }] }, TypeError, /externalData\[0\]: data: expected bytes/],
  [{ freeDimensionOverrides: { N: 0 } }, RangeError, /freeDimensionOverrides: 'N': expected an integer/, false],
  [{ optimizedModelFilePath: 'a.onnx' }, TypeError, /optimizedModelFilePath is not supported/, false],
  [{ preferredOutputLocation: 'gpu-buffer' }, RangeError, /preferredOutputLocation: expected one of cpu/, false],
  [{ preferredOutputLocation: { y: 'texture' } }, RangeError, /preferredOutputLocation/, false],
  [
    { extra: { session: { set_denormal_as_zero: '1' } } },
    TypeError,
    /extra: session\.set_denormal_as_zero is not supported, got '1'/,
    false,
  ],
  [{ extra: { 'session.load_model_format': 'ORT' } }, TypeError, /session\.load_model_format/, false],
];

test('refused, by name', async (t) => {
  for (const [options, instanceOf, message, alsoThere = true] of refused) {
    const error = await t.throwsAsync(create(options), { instanceOf, message }, JSON.stringify(options));
    t.true(error.message.startsWith('InferenceSession.create: '), error.message);
    if (alsoThere)
      await t.throwsAsync(engines.onnxruntime.InferenceSession.create(smallBytes, options as never), { any: true });
  }
});

test('graphOptimizationLevel disabled keeps the order of additions', async (t) => {
  const bytes = slowBytes(1); // a layer that is computed by Winograd's algorithm otherwise
  const x = slowInput(3);
  const strict = (await loadModel(bytes, { numerics: 'strict' })).runSync({ x })['y']!.data;
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled' });
  t.deepEqual((await session.run({ x: new ort.Tensor(x.data, x.shape) }))['y']!.data, strict);
});

test('freeDimensionOverrides fix extents by name', async (t) => {
  const session = await create({ freeDimensionOverrides: { N: 2, M: 5 } });
  t.like(session.inputMetadata[0], { shape: [2, 3, 8, 8] });
  const run = (batch: number) => session.run({ x: new ort.Tensor(image(1, batch).data, [batch, 3, 8, 8]) });
  t.deepEqual((await run(2))['y']!.dims, [2, 5, 8, 8]);
  await t.throwsAsync(run(3), { instanceOf: RangeError, message: /'N' to be 2, as freeDimensionOverrides/ });
});
