/** Graphs with known shapes to plans. One table, made of one file per family of operators. */
import { LanewiseError } from '../errors.js';
import type { Analysis } from './analysis.js';
import { isFloat } from './element-type.js';
import type { Graph, Node } from './ir.js';
import { type LowerRules, lowerInputOf, PlanBuilder, UnsupportedNode } from './lower/builder.js';
import { linearLowering } from './lower/linear.js';
import { movementLowering } from './lower/movement.js';
import { normalizationLowering } from './lower/normalization.js';
import { pointwiseLowering } from './lower/pointwise.js';
import { recurrentLowering } from './lower/recurrent.js';
import { samplingLowering } from './lower/sampling.js';
import { spatialLowering } from './lower/spatial.js';
import type { PlanPort, PlanSpec } from './plan-spec.js';
import { valuesRead } from './values.js';

const rules: LowerRules = {
  ...spatialLowering,
  ...linearLowering,
  ...pointwiseLowering,
  ...normalizationLowering,
  ...movementLowering,
  ...samplingLowering,
  ...recurrentLowering,
};

/** Whether steps can be made of an operator at all; a node of it may still be refused for its attributes or types. */
export const canLower = (op: string): boolean => Object.hasOwn(rules, op);

export interface UnsupportedOperator {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/** The error of a graph with nodes that cannot run. */
export class UnsupportedOperatorsError extends LanewiseError {
  constructor(readonly nodes: readonly UnsupportedOperator[]) {
    super('ERR_UNSUPPORTED_OPERATOR', unsupportedMessage(nodes));
  }
}

function unsupportedMessage(list: readonly UnsupportedOperator[]): string {
  const lines = list.map(({ node, op, reason }) => `  ${node} (${op}): ${reason}`);
  const count = list.length === 1 ? '1 node' : `${list.length} nodes`;
  return `the model has ${count} that cannot be run:\n${lines.join('\n')}`;
}

/** Why the values a node reads or writes keep it from running; undefined when they do not. */
function typeProblem(
  node: Node,
  graph: Graph,
  { types, constants }: Analysis,
  read: ReadonlySet<string>,
): string | undefined {
  const fed = new Set(graph.inputs.map(({ name }) => name));
  const problem = (name: string): string | undefined => {
    const type = types.get(name);
    return type && !isFloat(type.type) ? `${type.type} values at run time are not supported yet` : undefined;
  };
  for (const name of valuesRead(node)) {
    // The facade widens integer inputs when it copies them, so a cast of one is already done.
    if (constants.has(name) || (node.op === 'Cast' && fed.has(name))) continue;
    const found = problem(name);
    if (found) return found;
  }
  for (const name of node.outputs) {
    const found = name !== '' && read.has(name) ? problem(name) : undefined;
    if (found) return found;
  }
  return undefined;
}

/**
 * The plan of a graph whose shapes are all known.
 * @throws LanewiseError ERR_UNSUPPORTED_OPERATOR that lists every node no step can be made of
 */
export function lower(graph: Graph, analysis: Analysis): PlanSpec {
  const builder = new PlanBuilder(graph, analysis);
  const unsupported: UnsupportedOperator[] = [];
  const read = new Set([...graph.nodes.flatMap(valuesRead), ...graph.outputs.map(({ name }) => name)]);
  const inputs: PlanPort[] = graph.inputs.map(({ name }) => ({ value: builder.valueOf(name), layout: 'nchw' }));
  for (const node of graph.nodes) {
    const refuse = (reason: string) => unsupported.push({ node: node.name, op: node.op, reason });
    const rule = rules[node.op];
    if (!rule) {
      refuse('operator is not supported');
      continue;
    }
    const missing = [...valuesRead(node), ...node.outputs.filter((name) => name !== '').slice(0, 1)].find(
      (name) => !analysis.types.has(name),
    );
    if (missing !== undefined) {
      // Behind an unsupported node nothing is known; only the first of a chain is at fault.
      if (valuesRead(node).every((name) => analysis.types.has(name)))
        refuse('its shape depends on values computed at run time');
      continue;
    }
    const problem = typeProblem(node, graph, analysis, read);
    if (problem) {
      refuse(problem);
      continue;
    }
    try {
      rule(lowerInputOf(node, builder));
    } catch (error) {
      if (!(error instanceof UnsupportedNode)) throw error;
      refuse(error.message);
    }
  }
  if (unsupported.length > 0) throw new UnsupportedOperatorsError(unsupported);

  const fed = new Set(inputs.map(({ value }) => value));
  const outputs = graph.outputs.map(({ name }): PlanPort => {
    const value = builder.valueOf(name);
    // Every output is a value of its own, written by a step: constants and inputs passed through are copied to one.
    if (!fed.has(value) && !builder.values[value]!.data) return { value, layout: 'nchw' };
    const copy = builder.extra(`${name}.output`, builder.shapeOf(value));
    builder.steps.push({
      op: 'unary',
      name: `${name}.output`,
      inputs: [value],
      outputs: [copy],
      fn: 'identity',
      alpha: 0,
      beta: 0,
    });
    return { value: copy, layout: 'nchw' };
  });
  return { values: builder.values, inputs, outputs, steps: builder.steps };
}
