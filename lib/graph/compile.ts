/** From a graph to a plan for given input shapes. */
import { LanewiseError } from '../errors.js';
import type { WeightAlgebra } from '../fold/algebra.js';
import type { AllLimits } from '../limits.js';
import { finish, type Work } from '../work.js';
import type { Graph, ValueInfo } from './ir.js';
import { lower } from './lower.js';
import { fuse, simplify } from './passes/index.js';
import { type PassReport, passContext, runPasses } from './passes/pass.js';
import type { PlanSpec } from './plan-spec.js';
import type { TensorType } from './shapes/rule.js';

export interface CompileContext {
  /** Weight algebra in double: the native addon's. */
  readonly fold: WeightAlgebra;
  /** What `simplifyGraph` reported, to be added up with what happens here. */
  readonly before?: PassReport;
  /** What values of the graph may cost; the defaults of `loadModel` otherwise. */
  readonly limits?: AllLimits | undefined;
}

export type InputShapes = Readonly<Record<string, readonly number[]>>;

export interface CompiledGraph {
  readonly plan: PlanSpec;
  /** The graph the plan was made of, with its epilogues. */
  readonly graph: Graph;
  /** Type and shape of each output, in the order of `graph.outputs` and of `plan.outputs`. */
  readonly outputs: readonly (TensorType & { readonly name: string })[];
  readonly report: PassReport;
}

function mergeReports(first: PassReport | undefined, second: PassReport): PassReport {
  if (!first) return second;
  const removed = { ...first.removed };
  for (const [name, count] of Object.entries(second.removed)) removed[name] = (removed[name] ?? 0) + count;
  return { nodesBefore: first.nodesBefore, nodesAfter: second.nodesAfter, removed };
}

/**
 * What can be done to a model before any input shape is known: batch normalisations, scales and branches go into weights, patterns
 * become operators. Done once, so that all plans of a model share its weights.
 */
export function simplifying(graph: Graph, context: CompileContext): Work<{ graph: Graph; report: PassReport }> {
  return runPasses(graph, simplify, passContext(context.fold, false, context.limits));
}

/** {@link simplifying}, all at once. */
export const simplifyGraph = (graph: Graph, context: CompileContext): { graph: Graph; report: PassReport } =>
  finish(simplifying(graph, context));

/** The inputs with every extent a number. One name is one extent wherever it stands. */
export function bindInputs(inputs: readonly ValueInfo[], shapes: InputShapes): ValueInfo[] {
  const bound = new Map<string, { extent: number; where: string }>();
  for (const name of Object.keys(shapes)) {
    if (!inputs.some((input) => input.name === name)) {
      throw new RangeError(
        `the model has no input '${name}' (inputs: ${inputs.map((input) => input.name).join(', ')})`,
      );
    }
  }
  return inputs.map((input) => {
    const { name, shape: declared } = input;
    const shape = shapes[name] ?? declared;
    const expected = `input '${name}' must have shape [${declared.join(', ')}]`;
    if (shape.length !== declared.length) throw new RangeError(`${expected}, got [${shape.join(', ')}]`);
    for (const [axis, extent] of shape.entries()) {
      if (typeof extent !== 'number') throw new RangeError(`${expected}, but the extent '${extent}' is not given`);
      if (!Number.isSafeInteger(extent) || extent < 1) throw new RangeError(`${expected}, got [${shape.join(', ')}]`);
      const want = declared[axis]!;
      if (typeof want === 'number') {
        if (want !== extent) throw new RangeError(`${expected}, got [${shape.join(', ')}]`);
        continue;
      }
      const earlier = bound.get(want);
      if (earlier && earlier.extent !== extent)
        throw new RangeError(`'${want}' is ${earlier.extent} in ${earlier.where} but ${extent} in input '${name}'`);
      bound.set(want, { extent, where: `input '${name}'` });
    }
    return { ...input, shape };
  });
}

/**
 * The plan of a graph for given input shapes.
 * @param inputShapes shape of each input; inputs whose declared shape is all numbers may be left out
 * @throws RangeError when the shapes are not what the model declares, or do not fit together inside of it
 * @throws LanewiseError ERR_UNSUPPORTED_OPERATOR naming every node that cannot run
 */
export function* compiling(graph: Graph, inputShapes: InputShapes, context: CompileContext): Work<CompiledGraph> {
  const inputs = bindInputs(graph.inputs, inputShapes);
  const isFixed = graph.inputs.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));
  const passes = passContext(context.fold, true, context.limits);
  try {
    const simplified = yield* runPasses({ ...graph, inputs }, simplify, passes);
    const fused = yield* runPasses(simplified.graph, fuse, passes);
    yield;
    const analysis = passes.analyze(fused.graph);
    yield;
    const plan = lower(fused.graph, analysis);
    const report = mergeReports(context.before, mergeReports(simplified.report, fused.report));
    const outputs = fused.graph.outputs.map(({ name }) => ({ name, ...analysis.types.get(name)! }));
    return { plan, graph: fused.graph, outputs, report };
  } catch (error) {
    // Where the caller chose the shapes, shapes that do not fit are the caller's to change.
    if (!isFixed && error instanceof LanewiseError && error.code === 'ERR_MODEL_FORMAT')
      throw new RangeError(error.message, { cause: error });
    throw error;
  }
}

/** {@link compiling}, all at once. */
export const compileForShapes = (graph: Graph, inputShapes: InputShapes, context: CompileContext): CompiledGraph =>
  finish(compiling(graph, inputShapes, context));
