/** What a pass is, and how a list of them runs. */
import type { WeightAlgebra } from '../../fold/algebra.js';
import type { AllLimits } from '../../limits.js';
import type { Work } from '../../work.js';
import { type Analysis, analyze } from '../analysis.js';
import type { Graph } from '../ir.js';

export interface PassContext {
  /** Weight algebra in double; the native addon's outside of tests. */
  readonly fold: WeightAlgebra;
  /** Types, shapes and known values of a graph of this run; computed once per graph. */
  analyze(graph: Graph): Analysis;
}

/** One rewrite. Pure: returns the very graph it was given when there is nothing to do. */
export interface Pass {
  readonly name: string;
  /** Operators of which the graph must have one, from every list: without them the pass is not run. */
  readonly needs?: readonly (readonly string[])[];
  /** A generator where it computes weights: it yields between the parts of them. */
  run(graph: Graph, context: PassContext): Graph | Work<Graph>;
}

export interface PassReport {
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** Nodes before minus nodes after, of each pass that did something: 0 for one that only rewrote, negative for one that split. */
  readonly removed: Readonly<Record<string, number>>;
}

/** The context passes run in. `strict`: shapes are bound, so shapes that do not fit are an error. */
export function passContext(fold: WeightAlgebra, strict: boolean, limits?: AllLimits): PassContext {
  const known = new WeakMap<Graph, Analysis>();
  return {
    fold,
    analyze: (graph) => {
      let analysis = known.get(graph);
      if (!analysis) {
        analysis = analyze(graph, { strict, limits });
        known.set(graph, analysis);
      }
      return analysis;
    },
  };
}

/** More rounds than any graph needs; reached only when two passes undo each other, which a test must find. */
const MAX_ROUNDS = 100;

export const isWork = (result: Graph | Work<Graph>): result is Work<Graph> => 'next' in result;

const operatorsOf = (graph: Graph): ReadonlySet<string> => new Set(graph.nodes.map(({ op }) => op));

const hasWork = ({ needs }: Pass, operators: ReadonlySet<string>): boolean =>
  !needs || needs.every((some) => some.some((op) => operators.has(op)));

/** Runs the list over and over until each pass has seen the same graph and changed nothing. */
export function* runPasses(
  graph: Graph,
  passes: readonly Pass[],
  context: PassContext,
): Work<{ graph: Graph; report: PassReport }> {
  const removed: Record<string, number> = {};
  const nodesBefore = graph.nodes.length;
  let current = graph;
  let operators = operatorsOf(graph);
  /** Passes in a row that changed nothing. */
  let idle = 0;
  for (let turn = 0; idle < passes.length && turn < MAX_ROUNDS * passes.length; turn++) {
    idle++;
    const pass = passes[turn % passes.length]!;
    if (!hasWork(pass, operators)) continue;
    yield;
    const result = pass.run(current, context);
    const next = isWork(result) ? yield* result : result;
    if (next === current) continue;
    removed[pass.name] = (removed[pass.name] ?? 0) + current.nodes.length - next.nodes.length;
    current = next;
    operators = operatorsOf(current);
    idle = 0;
  }
  return { graph: current, report: { nodesBefore, nodesAfter: current.nodes.length, removed } };
}
