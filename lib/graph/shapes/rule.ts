/** What a shape rule sees, and the arithmetic rules share. */
import { numbersAttribute } from '../attributes.js';
import { numbersOf } from '../constant.js';
import type { Constant, ElementType, Node } from '../ir.js';
import { ShapeError } from '../shape-error.js';

/**
 * Type and shape of a value. Before the input shapes are bound an extent may be NaN: "not known yet". Arithmetic carries
 * it along and every comparison with it is false, so nothing is concluded from what is not known.
 */
export interface TensorType {
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** The view of one node that rules get. */
export interface RuleInput {
  readonly node: Node;
  /** Type of input `index`; throws UnknownType where it is not known yet. */
  input(index: number): TensorType;
  /** Whether input `index` is given. */
  has(index: number): boolean;
  /** The value of input `index` where it is known before the run. */
  constant(index: number): Constant | undefined;
}

/** One type per output. */
export type ShapeRule = (context: RuleInput) => readonly TensorType[];
export type ShapeRules = Readonly<Record<string, ShapeRule>>;

/** Thrown by a rule that needs something not known yet; the node's outputs then stay unknown. */
export class UnknownType extends Error {
  /** `wanted`: the value whose elements the rule needs, where that is what is missing. */
  constructor(readonly wanted?: string) {
    super();
  }
}

/** The integers an input holds; unknown when they are computed at run time. */
export function knownNumbers(context: RuleInput, index: number): number[] {
  const constant = context.constant(index);
  if (!constant) {
    context.input(index);
    throw new UnknownType(context.node.inputs[index]);
  }
  return numbersOf(constant);
}

/** Integers of an optional input. */
export const optionalNumbers = (context: RuleInput, index: number): number[] | undefined =>
  context.has(index) ? knownNumbers(context, index) : undefined;

/** Axes counted from the front. */
export function resolveAxes(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
      throw new ShapeError(`axis ${axis} is outside a tensor of rank ${rank}`);
    return axis < 0 ? axis + rank : axis;
  });
}

const broadcastExtent = (a: number, b: number): number => {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  // One unknown: the other one, not being 1, is what the unknown must be or stretch to.
  if (Number.isNaN(a)) return b;
  if (Number.isNaN(b)) return a;
  throw new ShapeError(`extents ${a} and ${b} do not broadcast`);
};

/** The shape all of `shapes` broadcast to. */
export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) =>
    shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).reduce(broadcastExtent),
  );
}

/** Both known and not the same. */
export const differ = (a: number, b: number): boolean => a !== b && !Number.isNaN(a) && !Number.isNaN(b);

/** `axes` as attribute or as input `index`; undefined when left out. */
export const axesOf = (context: RuleInput, index: number): readonly number[] | undefined =>
  optionalNumbers(context, index) ?? numbersAttribute(context.node, 'axes');
