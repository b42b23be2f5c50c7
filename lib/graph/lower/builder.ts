/** Collects the values and steps of a plan, and what cannot become one. */

import type { Analysis } from '../analysis.js';
import { ruleInputOf } from '../analysis.js';
import { stringAttribute } from '../attributes.js';
import { float32Of, sameShape } from '../constant.js';
import type { Constant, Graph, Node } from '../ir.js';
import type { PlanStep, PlanValue, ValueIndex } from '../plan-spec.js';
import type { RuleInput, TensorType } from '../shapes/rule.js';

/** A node no step can be made of; `message` is the reason. */
export class UnsupportedNode extends Error {}

export class PlanBuilder {
  readonly values: PlanValue[] = [];
  readonly steps: PlanStep[] = [];
  readonly #indices = new Map<string, ValueIndex>();
  readonly #taken = new Set<string>();
  readonly #constants: ReadonlyMap<string, Constant>;
  readonly #types: ReadonlyMap<string, TensorType>;
  readonly analysis: Analysis;

  constructor(graph: Graph, analysis: Analysis) {
    this.analysis = analysis;
    this.#constants = analysis.constants;
    this.#types = analysis.types;
    for (const name of graph.constants.keys()) this.#taken.add(name);
    for (const name of analysis.types.keys()) this.#taken.add(name);
  }

  /** The plan value of a value of the graph; made on first use, with its data if it is known before the run. */
  valueOf(name: string): ValueIndex {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const type = this.#types.get(name);
    if (!type) throw new UnsupportedNode(`the shape of '${name}' is not known`);
    const constant = this.#constants.get(name);
    const index = this.#push(
      constant ? { name, shape: type.shape, data: float32Of(constant) } : { name, shape: type.shape },
    );
    this.#indices.set(name, index);
    return index;
  }

  /** A value that the graph does not have: an intermediate result, or a constant when `data` is given. */
  extra(hint: string, shape: readonly number[], data?: Float32Array): ValueIndex {
    let name = hint;
    for (let i = 1; this.#taken.has(name); i++) name = `${hint}_${i}`;
    this.#taken.add(name);
    return this.#push(data ? { name, shape, data } : { name, shape });
  }

  /** `index` seen as `shape`: a reshape step, or for a constant its data under another shape. */
  reshaped(index: ValueIndex, shape: readonly number[]): ValueIndex {
    const { name, shape: own, data } = this.values[index]!;
    if (sameShape(own, shape)) return index;
    if (data) return this.extra(name, shape, data);
    const result = this.extra(`${name}.reshaped`, shape);
    this.reshape(index, result);
    return result;
  }

  reshape(from: ValueIndex, to: ValueIndex): void {
    this.steps.push({ op: 'reshape', name: this.values[to]!.name, inputs: [from], outputs: [to] });
  }

  shapeOf(index: ValueIndex): readonly number[] {
    return this.values[index]!.shape;
  }

  #push(value: PlanValue): ValueIndex {
    return this.values.push(value) - 1;
  }
}

/** What a lowering rule sees of its node. */
export interface LowerInput extends RuleInput {
  readonly builder: PlanBuilder;
  /** Plan value of input `index`. */
  x(index?: number): ValueIndex;
  /** Plan value of output `index`. */
  y(index?: number): ValueIndex;
  /** Shape of output `index`. */
  outputShape(index?: number): readonly number[];
}

export type LowerRule = (context: LowerInput) => void;
export type LowerRules = Readonly<Record<string, LowerRule>>;

export function lowerInputOf(node: Node, builder: PlanBuilder): LowerInput {
  const input = ruleInputOf(node, builder.analysis);
  return {
    ...input,
    builder,
    x: (index = 0) => builder.valueOf(node.inputs[index]!),
    y: (index = 0) => builder.valueOf(node.outputs[index]!),
    outputShape: (index = 0) => builder.analysis.types.get(node.outputs[index]!)!.shape,
  };
}

/** The value of an input that must be known before the run. */
export function requireConstant(context: LowerInput, index: number, what: string): Constant {
  const constant = context.constant(index);
  if (!constant) throw new UnsupportedNode(`${what} must be known before the run`);
  return constant;
}

/** A string attribute that names one of `allowed`. */
export function oneOf<T extends string>(context: LowerInput, attribute: string, allowed: readonly T[], fallback: T): T {
  const value = stringAttribute(context.node, attribute, fallback);
  const found = allowed.find((item) => item === value);
  if (!found) throw new UnsupportedNode(`${attribute} '${value}' (supported: ${allowed.join(', ')})`);
  return found;
}

/** Input `index` for a step that computes in float32, whatever its element type is. */
export function floatInput(context: LowerInput, index: number): ValueIndex {
  const constant = context.constant(index);
  if (!constant) return context.x(index);
  return context.builder.extra(`${context.node.name}.float${index}`, constant.shape, float32Of(constant));
}
