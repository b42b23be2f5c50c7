/** From a graph to a plan for given input shapes. */
import { LanewiseError } from '../errors.js';
import type { WeightAlgebra } from '../fold/algebra.js';
import type { AllLimits } from '../limits.js';
import { finish, type Work } from '../work.js';
import { analyze } from './analysis.js';
import type { Constant, Graph, ValueInfo } from './ir.js';
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
  /** Values of the graph (inputs too) whose elements are known for this compilation. */
  readonly known?: ReadonlyMap<string, Constant>;
}

export type InputShapes = Readonly<Record<string, readonly number[]>>;

export interface CompiledGraph {
  readonly plan: PlanSpec;
  /** The graph the plan was made of, with its epilogues. */
  readonly graph: Graph;
  /** Names of the inputs that are not known, in the order of `plan.inputs`. */
  readonly inputs: readonly string[];
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
export function* simplifying(graph: Graph, context: CompileContext): Work<{ graph: Graph; report: PassReport }> {
  const result = yield* runPasses(graph, simplify, passContext(context.fold, false, context.limits));
  if (hasFixedShapes(graph)) final.add(result.graph);
  return result;
}

const hasFixedShapes = ({ inputs }: Graph): boolean =>
  inputs.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));

/** Graphs that were simplified with all shapes known: binding them adds nothing. */
const final = new WeakSet<Graph>();

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
    const shape = (Object.hasOwn(shapes, name) && shapes[name]) || declared;
    const expected = `input '${name}' must have shape [${declared.join(', ')}]`;
    if (shape.length !== declared.length) throw new RangeError(`${expected}, got [${shape.join(', ')}]`);
    for (const [axis, extent] of shape.entries()) {
      if (typeof extent !== 'number') throw new RangeError(`${expected}, but the extent '${extent}' is not given`);
      if (!Number.isSafeInteger(extent) || extent < 0) throw new RangeError(`${expected}, got [${shape.join(', ')}]`);
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

/** The graph with its input shapes bound and `known` values as constants, in the place of what computes them. */
function bindGraph(graph: Graph, shapes: InputShapes, known: ReadonlyMap<string, Constant>): Graph {
  const inputs = bindInputs(graph.inputs, shapes);
  if (known.size === 0) return hasFixedShapes(graph) ? graph : { ...graph, inputs };
  const constants = new Map([...graph.constants, ...known]);
  const nodes = graph.nodes.flatMap((node) => {
    const open = node.outputs.filter((name) => name !== '' && !known.has(name));
    if (open.length === 0) return [];
    if (!node.outputs.some((name) => known.has(name))) return [node];
    return [{ ...node, outputs: node.outputs.map((name) => (known.has(name) ? `${name}.computed` : name)) }];
  });
  return { ...graph, inputs: inputs.filter(({ name }) => !known.has(name)), nodes, constants };
}

/** Runs `work`; where the caller chose the shapes, shapes that do not fit are the caller's to change. */
function* blamingShapes<R>(graph: Graph, work: Work<R>): Work<R> {
  try {
    return yield* work;
  } catch (error) {
    if (!hasFixedShapes(graph) && error instanceof LanewiseError && error.code === 'ERR_MODEL_FORMAT')
      throw new RangeError(error.message, { cause: error });
    throw error;
  }
}

/** Values whose elements shapes hang on and that are not known: inputs among them, and computed values. */
export function* findingWanted(
  graph: Graph,
  inputShapes: InputShapes,
  known: ReadonlyMap<string, Constant>,
  limits?: AllLimits,
): Work<ReadonlySet<string>> {
  return yield* blamingShapes(
    graph,
    (function* () {
      yield;
      return analyze(bindGraph(graph, inputShapes, known), { strict: true, limits }).wanted;
    })(),
  );
}

function* planning(graph: Graph, inputShapes: InputShapes, context: CompileContext): Work<CompiledGraph> {
  const passes = passContext(context.fold, true, context.limits);
  const bound = bindGraph(graph, inputShapes, context.known ?? new Map());
  const simplified = yield* runPasses(bound, final.has(bound) ? [] : simplify, passes);
  const fused = yield* runPasses(simplified.graph, fuse, passes);
  yield;
  const analysis = passes.analyze(fused.graph);
  yield;
  const plan = lower(fused.graph, analysis);
  const report = mergeReports(context.before, mergeReports(simplified.report, fused.report));
  const outputs = fused.graph.outputs.map(({ name }) => ({ name, ...analysis.types.get(name)! }));
  return { plan, graph: fused.graph, inputs: bound.inputs.map(({ name }) => name), outputs, report };
}

/**
 * The plan of a graph for given input shapes.
 * @param inputShapes shape of each input; inputs whose declared shape is all numbers may be left out
 * @throws RangeError when the shapes are not what the model declares, or do not fit together inside of it
 * @throws WantedValues naming values of the graph that have to be known and are not
 * @throws LanewiseError ERR_UNSUPPORTED_OPERATOR naming every node that cannot run
 */
export const compiling = (graph: Graph, inputShapes: InputShapes, context: CompileContext): Work<CompiledGraph> =>
  blamingShapes(graph, planning(graph, inputShapes, context));

/** {@link compiling}, all at once. */
export const compileForShapes = (graph: Graph, inputShapes: InputShapes, context: CompileContext): CompiledGraph =>
  finish(compiling(graph, inputShapes, context));
