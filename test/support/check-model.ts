/** Compares a model compiled by us, run by the reference, with onnxruntime. */
import type { ExecutionContext } from 'ava';
import * as ort from 'onnxruntime-node';
import { type CompiledGraph, compileForShapes, simplifyGraph } from '#lib/graph/compile.js';
import { parseModel } from '#lib/onnx/parse.js';
import { readModel } from '#lib/onnx/read.js';
import { writeModel } from '#lib/onnx/write.js';
import { buildModel, type ModelSpec, random } from './onnx-builder.js';
import { runPlan } from './reference.js';
import { referenceAlgebra } from './weight-algebra.js';

export type Feeds = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

export async function runOnnxruntime(
  bytes: Uint8Array,
  feeds: Feeds,
): Promise<Record<string, { dims: readonly number[]; data: ArrayLike<number> }>> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => [name, new ort.Tensor('float32', data, shape)]),
  );
  const results = await session.run(inputs);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { dims, data: Float64Array.from(data as Iterable<number>, Number) },
    ]),
  );
}

/** Largest difference relative to the largest magnitude of the expected values. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 1e-6;
  for (let i = 0; i < expected.length; i++) {
    // Equal infinities differ by NaN.
    if (actual[i] !== expected[i] && !(Number.isNaN(actual[i]) && Number.isNaN(expected[i])))
      difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / largest;
}

export interface CheckOptions {
  /** Shapes for inputs with named extents. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly feeds?: Feeds;
  readonly tolerance?: number;
}

/**
 * Reads, simplifies, compiles and runs the model; the results must be onnxruntime's, and so must those that onnxruntime computes of
 * the compiled graph written to a file. Returns what was compiled.
 */
export async function checkModel(
  t: ExecutionContext,
  spec: ModelSpec,
  options: CheckOptions = {},
): Promise<CompiledGraph> {
  const bytes = buildModel(spec);
  const shapes = Object.fromEntries(
    Object.entries(spec.inputs).map(([name, declared]) => [
      name,
      options.shapes?.[name] ?? (declared as readonly number[]),
    ]),
  );
  const feeds =
    options.feeds ?? Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, random(shape, i + 7)]));
  const expected = await runOnnxruntime(bytes, feeds);
  const loaded = simplifyGraph(readModel(bytes), { fold: referenceAlgebra });
  const compiled = compileForShapes(loaded.graph, shapes, { fold: referenceAlgebra, before: loaded.report });
  const written = await runOnnxruntime(writeModel(compiled.graph, parseModel(bytes)).bytes, feeds);
  const actual = runPlan(
    compiled.plan,
    loaded.graph.inputs.map(({ name }) => feeds[name]!.data),
  );
  for (const [i, name] of spec.outputs.entries()) {
    t.deepEqual([...actual[i]!.shape], [...expected[name]!.dims], `shape of ${name}`);
    const difference = relativeDifference(actual[i]!.data, expected[name]!.data);
    t.true(difference <= (options.tolerance ?? 2e-6), `${name} differs by ${difference}`);
    t.deepEqual([...written[name]!.dims], [...expected[name]!.dims], `shape of ${name}, written`);
    const distance = relativeDifference(written[name]!.data, expected[name]!.data);
    t.true(distance <= (options.tolerance ?? 5e-6), `${name} differs by ${distance} when written`);
  }
  return compiled;
}

/** Operators of a graph, in order. */
export const opsOf = ({ graph }: CompiledGraph): string[] => graph.nodes.map(({ op }) => op);
