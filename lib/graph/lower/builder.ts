/** Collects the values and steps of a plan, and what cannot become one. */

import type { Analysis } from '../analysis.js';
import { ruleInputOf } from '../analysis.js';
import { stringAttribute } from '../attributes.js';
import { plannedFloats, sameShape } from '../constant.js';
import { isFloat } from '../element-type.js';
import type { Constant, ElementType, Graph, Node } from '../ir.js';
import type { PlanStep, PlanType, PlanValue, ValueIndex } from '../plan-spec.js';
import type { RuleInput, TensorType } from '../shapes/rule.js';

/** A node no step can be made of; `message` is the reason. */
export class UnsupportedNode extends Error {}

/** Entries of a table that JavaScript makes for a step: a few million take it a second. */
const maxTable = 2 ** 22;

export function checkTable(entries: number): void {
  if (entries > maxTable)
    throw new UnsupportedNode(`it needs a table of ${entries} entries, and ${maxTable} is the most there may be`);
}

/** A node no step can be made of as long as the elements of `value` are not known. */
export class WantedValue extends UnsupportedNode {
  constructor(
    readonly value: string,
    what: string,
  ) {
    super(`${what} must be known before the run`);
  }
}

/** Element types that a plan computes with; floats of every width are float32. */
const planTypes: ReadonlySet<string> = new Set<PlanType>(['int64', 'int32', 'uint8', 'int8', 'bool']);

function planTypeOf(type: ElementType): PlanType {
  if (isFloat(type)) return 'float32';
  if (!planTypes.has(type)) throw new UnsupportedNode(`${type} values at run time are not supported`);
  return type as PlanType;
}

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
    const planned = planTypeOf(type.type);
    const data = constant && (planned === 'float32' ? plannedFloats(constant) : constant.data);
    const index = this.#push({
      name,
      shape: type.shape,
      ...(data && { data }),
      ...(planned !== 'float32' && { type: planned }),
    });
    this.#indices.set(name, index);
    return index;
  }

  /** A value that the graph does not have: an intermediate result, or a constant when `data` is given. */
  extra(hint: string, shape: readonly number[], data?: PlanValue['data'], type: ElementType = 'float32'): ValueIndex {
    let name = hint;
    for (let i = 1; this.#taken.has(name); i++) name = `${hint}_${i}`;
    this.#taken.add(name);
    const planned = planTypeOf(type);
    return this.#push({ name, shape, ...(data && { data }), ...(planned !== 'float32' && { type: planned }) });
  }

  /** `index` seen as `shape`: a reshape step, or for a constant its data under another shape. */
  reshaped(index: ValueIndex, shape: readonly number[]): ValueIndex {
    const { name, shape: own, data, type } = this.values[index]!;
    if (sameShape(own, shape)) return index;
    if (data) return this.extra(name, shape, data, type);
    const result = this.extra(`${name}.reshaped`, shape, undefined, type);
    this.reshape(index, result);
    return result;
  }

  reshape(from: ValueIndex, to: ValueIndex): void {
    this.steps.push({ op: 'reshape', name: this.values[to]!.name, inputs: [from], outputs: [to] });
  }

  /** The elements of a value as float32, for the kernels. */
  widened(index: ValueIndex): ValueIndex {
    const { name, shape, data, type } = this.values[index]!;
    if (type === undefined) return index;
    if (data) return this.extra(`${name}.float`, shape, Float32Array.from(data as ArrayLike<number | bigint>, Number));
    const result = this.extra(`${name}.float`, shape);
    this.steps.push({ op: 'typed', name, fn: 'cast', inputs: [index], outputs: [result], integers: [] });
    return result;
  }

  typeOf(index: ValueIndex): PlanType {
    return this.values[index]!.type ?? 'float32';
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
/** A rule of kernels: whatever element type an operand has, it sees float32. */
export const onFloats =
  (rule: LowerRule): LowerRule =>
  (context) =>
    rule({ ...context, x: (index) => context.builder.widened(context.x(index)) });

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
  if (!constant) throw new WantedValue(context.node.inputs[index]!, what);
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
  return context.builder.extra(`${context.node.name}.float${index}`, constant.shape, plannedFloats(constant));
}
