/** Everything there is to know about a model without running it. */

import { analyze } from '../../graph/analysis.js';
import { bindInputs } from '../../graph/compile.js';
import { planCost } from '../../graph/cost.js';
import { evaluationRules, shapeEvaluationRules } from '../../graph/evaluate.js';
import type { Graph } from '../../graph/ir.js';
import { canLower, lower, type UnsupportedOperator, UnsupportedOperatorsError } from '../../graph/lower.js';
import { fuse, simplify } from '../../graph/passes/index.js';
import { type Leftover, leftovers } from '../../graph/passes/leftovers.js';
import { passContext, runPasses } from '../../graph/passes/pass.js';
import { native } from '../../native.js';
import { finish } from '../../work.js';
import { isKnown, type OpenShape } from '../values/shapes.js';
import { type NodeCost, nodeCosts, parameterCount } from './cost.js';
import { histogram, PassWatch, type PassWork } from './passes.js';

export interface Anatomy {
  /** Inputs whose extents are not all known: nothing below depends on guesses about them. */
  readonly open: readonly string[];
  readonly operators: Readonly<Record<string, number>>;
  readonly nodes: readonly NodeCost[];
  readonly parameters: number;
  /** null where shapes are not known. */
  readonly macs: number | null;
  readonly folding: {
    readonly nodesBefore: number;
    readonly nodesAfter: number;
    readonly passes: readonly PassWork[];
    readonly leftovers: readonly Leftover[];
    /** Of the plan; null when none could be made. */
    readonly macs: number | null;
    readonly parameters: number | null;
  };
  readonly unsupported: readonly UnsupportedOperator[];
}

/** The nodes that cannot run in any shape; arithmetic on shapes goes away when those are known. */
const unknownOperators = (graph: Graph): UnsupportedOperator[] =>
  graph.nodes
    .filter(
      ({ op }) => !(canLower(op) || Object.hasOwn(evaluationRules, op) || Object.hasOwn(shapeEvaluationRules, op)),
    )
    .map(({ name, op }) => ({ node: name, op, reason: 'operator is not supported' }));

export function anatomyOf(file: Graph, shapes: ReadonlyMap<string, OpenShape>): Anatomy {
  const open = [...shapes].filter(([, shape]) => !isKnown(shape)).map(([name]) => name);
  const strict = open.length === 0;
  const known = Object.fromEntries([...shapes].filter(([, shape]) => isKnown(shape))) as Record<string, number[]>;
  const graph: Graph = strict ? { ...file, inputs: bindInputs(file.inputs, known) } : file;
  const watch = new PassWatch();
  const context = passContext(native, strict);
  const watched = (passes: typeof simplify) => passes.map((pass) => watch.watched(pass));
  const simplified = finish(runPasses(graph, watched(simplify), context)).graph;
  const folded = finish(runPasses(simplified, watched(fuse), context)).graph;
  const analysis = context.analyze(folded);

  let unsupported: readonly UnsupportedOperator[] = [];
  let cost: { macs: number; parameters: number } | undefined;
  if (!strict) unsupported = unknownOperators(folded);
  else {
    try {
      cost = planCost(lower(folded, analysis));
    } catch (error) {
      if (!(error instanceof UnsupportedOperatorsError)) throw error;
      unsupported = error.nodes;
    }
  }
  const nodes = nodeCosts(graph, analyze(graph, { strict }));
  const macs = nodes.reduce<number | null>(
    (sum, node) => (sum === null || node.macs === null ? null : sum + node.macs),
    0,
  );
  return {
    open,
    operators: histogram(graph.nodes.map(({ op }) => op)),
    nodes,
    parameters: parameterCount(graph),
    macs,
    folding: {
      nodesBefore: graph.nodes.length,
      nodesAfter: folded.nodes.length,
      passes: watch.report(),
      leftovers: leftovers(folded, analysis),
      macs: cost?.macs ?? null,
      parameters: cost?.parameters ?? null,
    },
    unsupported,
  };
}
