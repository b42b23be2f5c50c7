/** The zoo's files: they run in onnxruntime, their numbers are those of a trained network, and they can be repeated. */

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  isZooName,
  networks,
  type ZooName,
  type ZooOptions,
  zooInput,
  zooModel,
  zooNames,
} from '../../bench/zoo/index.js';
import { exposeOutputsOf } from '../../bench/zoo/onnx-file.js';

/** Two different images; their logits differ by at least this much of their own size. */
const LEAST_DIFFERENCE = 0.05;

/** Root mean square of what every convolution, norm and sum gives. */
const SANE_RANGE = { low: 0.05, high: 10 };

/** Its half gigabyte is not worth decoding again to look inside. */
const NOT_EXPOSED = new Set<ZooName>(['vgg-16']);

for (const name of zooNames) {
  test.serial(`${name} runs, within range, and depends on its image`, async (t) => {
    const inside = new Set(['Conv', 'BatchNormalization', 'Add', 'Gemm']);
    const model = NOT_EXPOSED.has(name) ? zooModel(name) : exposeOutputsOf(networks[name].build().onnx, inside);
    const [first, second] = await run(name, model, [zooInput(name), zooInput(name, { seed: 2 })]);
    for (const [output, values] of Object.entries(first!)) {
      const size = rootMeanSquare(values);
      t.true(size > SANE_RANGE.low && size < SANE_RANGE.high, `${output}: ${size}`);
    }
    const logits = first!.logits!;
    const other = second!.logits!;
    t.is(logits.length, 1000);
    t.true(spread(logits) > 0.1, 'constant logits');
    const difference = rootMeanSquare(logits.map((value, i) => value - other[i]!)) / rootMeanSquare(logits);
    t.true(difference > LEAST_DIFFERENCE, `images are told apart by ${difference}`);
  });
}

test('a symbolic batch gives each image the logits that it has alone', async (t) => {
  const name = 'shufflenet-v2';
  const alone = await run(
    name,
    networks[name].build({ size: 64 }).onnx,
    [zooInput(name, { size: 64 })],
    [1, 3, 64, 64],
  );
  const images = zooInput(name, { batch: 3, size: 64, seed: 5 });
  images.set(zooInput(name, { size: 64 }), 3 * 64 * 64);
  const [together] = await run(name, networks[name].build({ size: 64, batch: 'N' }).onnx, [images], [3, 3, 64, 64]);
  const own = together!.logits!.subarray(1000, 2000);
  t.true(rootMeanSquare(own.map((value, i) => value - alone[0]!.logits![i]!)) < 1e-4);
});

for (const [name, opset] of [
  ['mobilenet-v3-large', 11],
  ['mobilenet-v2', 10],
  ['shufflenet-v2', 12],
  ['efficientnet-b0', 20],
] as const) {
  test(`${name} computes the same when written in operator set ${opset}`, async (t) => {
    const image = [zooInput(name, { size: 96 })];
    const results = await Promise.all(
      [{}, { opset }].map((options) =>
        run(name, networks[name].build({ size: 96, ...options }).onnx, image, [1, 3, 96, 96]),
      ),
    );
    const [a, b] = results.map((result) => result[0]!.logits!);
    t.true(rootMeanSquare(a!.map((value, i) => value - b![i]!)) < 1e-4 * rootMeanSquare(a!));
  });
}

test('the same seed gives the same bytes, another seed others', (t) => {
  const bytes = (options?: ZooOptions) => Buffer.from(networks['shufflenet-v2'].build(options).onnx);
  t.true(bytes().equals(bytes()));
  t.false(bytes().equals(bytes({ seed: 2 })));
  // On every machine. If a change is meant: raise GENERATOR_VERSION in bench/zoo/index.ts and put the new digest here.
  const digest = createHash('sha256').update(bytes()).digest('hex').slice(0, 16);
  t.is(digest, '312d83ac1cffa1e9');
});

test('zooModel writes a file once, and another one for other options', (t) => {
  const options = { size: 64 };
  const path = zooModel('squeezenet-1.1', options);
  const written = statSync(path);
  t.is(zooModel('squeezenet-1.1', options), path);
  t.is(statSync(path).mtimeMs, written.mtimeMs);
  t.is(written.size, networks['squeezenet-1.1'].build(options).onnx.byteLength);
  t.not(zooModel('squeezenet-1.1', { size: 65 }), path);
});

test('inputs can be repeated and stay in [-2, 2]', (t) => {
  const input = zooInput('resnet-18', { size: 32 });
  t.deepEqual(input, zooInput('resnet-18', { size: 32 }));
  t.notDeepEqual(input, zooInput('resnet-18', { size: 32, seed: 2 }));
  t.true(input.every((value) => Math.abs(value) <= 2));
  t.true(spread(input) > 0.3);
});

test('names', (t) => {
  t.true(isZooName('resnet-50'));
  t.false(isZooName('toString'));
});

type Outputs = Record<string, Float32Array>;

async function run(
  name: ZooName,
  model: string | Uint8Array,
  images: readonly Float32Array[],
  shape: readonly number[] = networks[name].input.shape,
): Promise<Outputs[]> {
  // Messages below "error" are about the exposed outputs, which keep the runtime from fusing.
  const options: InferenceSession.SessionOptions = { logSeverityLevel: 3, graphOptimizationLevel: 'basic' };
  const session =
    typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
  const results: Outputs[] = [];
  for (const image of images) {
    const outputs = await (await session).run({ [networks[name].input.name]: new Tensor('float32', image, shape) });
    results.push(Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, value.data as Float32Array])));
  }
  await (await session).release();
  return results;
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / values.length);
}

/** Standard deviation; NaN if any value is. */
function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return rootMeanSquare(values.map((value) => value - mean));
}
