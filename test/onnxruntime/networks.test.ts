/** Whole networks: one program, run with onnxruntime-node and with us. */
import test from 'ava';
import type { InferenceSession } from 'onnxruntime-node';
import { type ZooName, zooInput, zooModel, zooNames } from '../../bench/zoo/index.js';
import { quick, TOLERANCE } from '../models/comparison.js';
import { blank, normalized, write } from '../models/text-picture.js';
import { relativeDifference } from '../support/check-model.js';
import { type OcrModel, ocrModelPath } from '../support/ocr-models.js';
import { type Engine, engines } from './engine.js';

interface Input {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** The program: opens a model, looks at its metadata, runs it on all outputs and then on the last alone. */
async function run({ InferenceSession, Tensor }: Engine, path: string, { data, dims }: Input) {
  // Without the other engine's graph optimisations, which move results by as much as the promise: see comparison.ts.
  const options = { graphOptimizationLevel: 'disabled', logSeverityLevel: 3, executionProviders: ['cpu'] } as const;
  const session: InferenceSession = await InferenceSession.create(path, options);
  const { inputNames, outputNames, inputMetadata } = session;
  const feeds = { [inputNames[0]!]: new Tensor('float32', data, dims) };
  const results = await session.run(feeds);
  const last = outputNames.at(-1)!;
  const again = await session.run(feeds, [last]);
  await session.release();
  return { names: { inputNames, outputNames, inputMetadata }, results, again: again[last]! };
}

const cases: (readonly [name: string, path: () => string, input: () => Input])[] = [];

const SIZE = quick ? 32 : 64;
/** As files they are an order of magnitude larger than the others, and they say nothing more about this API. */
const heavy: ReadonlySet<ZooName> = new Set(['vgg-16']);
for (const name of quick ? (['squeezenet-1.1'] as const) : zooNames.filter((zoo) => !heavy.has(zoo))) {
  const dims = [2, 3, SIZE, SIZE];
  cases.push([
    name,
    () => zooModel(name, { size: SIZE, batch: 'N' }),
    () => ({ data: zooInput(name, { size: SIZE, batch: 2, seed: 5 }), dims }),
  ]);
}

/** Black letters on white, as in a page; a line of text for the recogniser. */
const pages: Readonly<Record<OcrModel, readonly [width: number, height: number]>> = {
  det: [160, 96],
  rec: [160, 48],
  cls: [192, 48],
};
for (const [model, [width, height]] of Object.entries(pages) as [OcrModel, readonly [number, number]][]) {
  const input = () => {
    const picture = blank(width, height);
    write(picture, 'LANE 147', 8, 10, 3);
    return { data: normalized(picture, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), dims: [1, 3, height, width] };
  };
  cases.push([`PP-OCRv4 ${model}`, () => ocrModelPath(model), input]);
}

for (const [name, path, input] of cases) {
  test.serial(name, async (t) => {
    t.timeout(180_000);
    const [file, given] = [path(), input()];
    const ours = await run(engines.lanewise, file, given);
    const theirs = await run(engines.onnxruntime, file, given);
    t.deepEqual(ours.names, theirs.names);
    t.deepEqual(Object.keys(ours.results), Object.keys(theirs.results));
    for (const [output, expected] of Object.entries(theirs.results)) {
      const { type, dims, data } = ours.results[output]!;
      t.deepEqual([type, dims], [expected.type, expected.dims]);
      const distance = relativeDifference(data as Float32Array, expected.data as Float32Array);
      t.true(distance < TOLERANCE, `${output} differs by ${distance}`);
    }
    const last = ours.names.outputNames.at(-1)!;
    t.deepEqual(ours.again.data, ours.results[last]!.data);
  });
}
