/** What the tests of whole models share: onnxruntime's results, the distance to them, and how much of a sweep to run. */
import type { ExecutionContext } from 'ava';
import * as ort from 'onnxruntime-node';
import { loadModel } from '#lib/model.js';
import { type Isa, native } from '#lib/native.js';
import { Tensor } from '#lib/tensor.js';
import { relativeDifference } from '../support/check-model.js';

/** A sample of each sweep, for sanitizers and emulators, where everything takes ten times as long. */
export const quick = process.env['LANEWISE_TEST_LEVEL'] === 'quick';

/** The promise: largest difference relative to the largest magnitude. */
export const TOLERANCE = 1e-4;

/** Best last. */
export const isas: readonly Isa[] = native.cpuInfo().detected;
export const bestIsa: Isa = isas.at(-1)!;

export interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * onnxruntime's first output for each input, in one session. Without its graph optimisations, which fold and reorder as
 * ours do: on a page of 640 pixels they move the text detector's map by 1.1e-4 from onnxruntime's own plain result, more
 * than the promise, while we are 0.6e-4 from it.
 */
export async function expectedOutputs(path: string, inputs: readonly Input[]): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3, graphOptimizationLevel: 'disabled' });
  const outputs: Float32Array[] = [];
  for (const { name, shape, data } of inputs) {
    const results = await session.run({ [name]: new ort.Tensor('float32', data, shape) });
    outputs.push(Float32Array.from(results[session.outputNames[0]!]!.data as Float32Array));
  }
  await session.release();
  return outputs;
}

export interface Check {
  readonly isa: Isa;
  readonly threads: number;
}

/**
 * Loads the model, runs all inputs on it and the first once more, and compares: with onnxruntime within the promise, and
 * with `like` (the same model on other threads) to the bit. Returns the results.
 */
export async function checkRuns(
  t: ExecutionContext,
  path: string,
  inputs: readonly Input[],
  expected: readonly Float32Array[],
  check: Check,
  like?: readonly Float32Array[],
): Promise<Float32Array[]> {
  const model = await loadModel(path, check);
  const what = `${check.isa}, ${check.threads} threads`;
  const results: Float32Array[] = [];
  for (const [i, { name, shape, data }] of [...inputs, inputs[0]!].entries()) {
    const output = (await model.run({ [name]: new Tensor('float32', data, shape) }))[model.outputs[0]!.name]!;
    if (i === inputs.length) {
      t.deepEqual(output.data, results[0], `${what}: the first input again`);
      break;
    }
    const distance = relativeDifference(output.data, expected[i]!);
    t.is(output.data.length, expected[i]!.length);
    t.true(distance < TOLERANCE, `${what}, input [${shape}]: differs by ${distance}`);
    if (like) t.deepEqual(output.data, like[i], `${what}, input [${shape}]: other bits than with other threads`);
    results.push(output.data);
    const report = model.report({ [name]: shape });
    t.is(report.isa, check.isa);
    t.is(report.threads, check.threads);
  }
  const shapes = new Set(inputs.map(({ shape }) => shape.join()));
  t.is(Object.keys(model.memory().activationBytes).length, shapes.size, 'one plan per shape');
  model.dispose();
  return results;
}
