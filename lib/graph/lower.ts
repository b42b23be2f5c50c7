/** Graphs with known shapes to plans. One table, made of one file per family of operators. */
import { LanewiseError } from '../errors.js';
import type { Analysis } from './analysis.js';
import { isFloat } from './element-type.js';
import type { Graph, Node } from './ir.js';
import {
  type LowerRule,
  type LowerRules,
  lowerInputOf,
  onFloats,
  PlanBuilder,
  UnsupportedNode,
  WantedValue,
} from './lower/builder.js';
import { linearLowering } from './lower/linear.js';
import { movementLowering } from './lower/movement.js';
import { normalizationLowering } from './lower/normalization.js';
import { pointwiseLowering } from './lower/pointwise.js';
import { recurrentLowering } from './lower/recurrent.js';
import { samplingLowering } from './lower/sampling.js';
import { spatialLowering } from './lower/spatial.js';
import { typedLowering } from './lower/typed.js';
import type { PlanPort, PlanSpec } from './plan-spec.js';
import { UnknownType } from './shapes/rule.js';
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
export const canLower = (op: string): boolean => Object.hasOwn(rules, op) || Object.hasOwn(typedLowering, op);

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

/**
 * The rules to try for a node, best first. Nodes whose values at run time are all float32 have kernels; every other node is
 * one of the typed operators.
 */
function rulesFor(node: Node, { types, constants }: Analysis, read: ReadonlySet<string>): LowerRule[] {
  const computed = [
    ...valuesRead(node).filter((name) => !constants.has(name)),
    ...node.outputs.filter((name) => read.has(name)),
  ];
  const isFloatValue = (name: string) => isFloat(types.get(name)?.type ?? 'float32');
  const kernel = rules[node.op];
  const typed = typedLowering[node.op];
  const widened = kernel && node.outputs.every((name) => !read.has(name) || isFloatValue(name)) && onFloats(kernel);
  const candidates = computed.every(isFloatValue) ? [widened, typed] : [typed, widened];
  return candidates.filter((rule) => typeof rule === 'function');
}

/** Nothing is missing but the elements of some values. */
export class WantedValues extends UnsupportedOperatorsError {
  constructor(
    readonly names: readonly string[],
    nodes: readonly UnsupportedOperator[],
  ) {
    super(nodes);
  }
}

function portValue(builder: PlanBuilder, name: string): number {
  try {
    return builder.valueOf(name);
  } catch (error) {
    if (!(error instanceof UnsupportedNode)) throw error;
    throw new UnsupportedOperatorsError([{ node: name, op: 'input or output', reason: error.message }]);
  }
}

/**
 * The plan of a graph whose shapes are all known.
 * @throws LanewiseError ERR_UNSUPPORTED_OPERATOR that lists every node no step can be made of
 */
export function lower(graph: Graph, analysis: Analysis): PlanSpec {
  const builder = new PlanBuilder(graph, analysis);
  const unsupported: UnsupportedOperator[] = [];
  const read = new Set([...graph.nodes.flatMap(valuesRead), ...graph.outputs.map(({ name }) => name)]);
  const inputs: PlanPort[] = graph.inputs.map(({ name }) => ({ value: portValue(builder, name), layout: 'nchw' }));
  const wanted: string[] = [];
  for (const node of graph.nodes) {
    const refuse = (reason: string) => unsupported.push({ node: node.name, op: node.op, reason });
    const candidates = rulesFor(node, analysis, read);
    if (candidates.length === 0) {
      refuse(rules[node.op] ? 'integers at run time are not supported' : 'operator is not supported');
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
    let refusal: UnsupportedNode | undefined;
    for (const rule of candidates) {
      const steps = builder.steps.length;
      try {
        rule(lowerInputOf(node, builder));
        refusal = undefined;
        break;
      } catch (error) {
        builder.steps.length = steps;
        if (error instanceof UnknownType) refusal ??= new UnsupportedNode('an input that it needs is missing');
        else if (error instanceof UnsupportedNode) refusal ??= error;
        else throw error;
      }
    }
    if (refusal instanceof WantedValue) wanted.push(refusal.value);
    if (refusal) refuse(refusal.message);
  }
  if (unsupported.length > 0 && unsupported.length === wanted.length) throw new WantedValues(wanted, unsupported);
  // A second output that the operator does not have: nothing else would notice.
  for (const { name, op, outputs } of unsupported.length > 0 ? [] : graph.nodes) {
    const unknown = graph.outputs.find((output) => outputs.includes(output.name) && !analysis.types.has(output.name));
    if (unknown) unsupported.push({ node: name, op, reason: `the shape of its output '${unknown.name}' is not known` });
  }
  if (unsupported.length > 0) throw new UnsupportedOperatorsError(unsupported);

  const fed = new Set(inputs.map(({ value }) => value));
  const outputs = graph.outputs.map(({ name }): PlanPort => {
    const value = portValue(builder, name);
    // Every output is a value of its own, written by a step: constants and inputs passed through are copied to one.
    if (!fed.has(value) && !builder.values[value]!.data) return { value, layout: 'nchw' };
    const copy = builder.extra(`${name}.output`, builder.shapeOf(value), undefined, builder.typeOf(value));
    builder.reshape(value, copy);
    return { value: copy, layout: 'nchw' };
  });
  return { values: builder.values, inputs, outputs, steps: builder.steps };
}
