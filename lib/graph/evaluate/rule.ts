/** What an evaluation rule sees: the constants a node reads, and the types its shape rule found. */

import type { Constant } from '../ir.js';
import type { RuleInput, TensorType } from '../shapes/rule.js';

export interface EvaluateInput extends RuleInput {
  /** Value of input `index`; evaluation only happens when every given input has one. */
  value(index: number): Constant;
  readonly outputs: readonly TensorType[];
}

/** One constant per output. */
export type EvaluateRule = (context: EvaluateInput) => readonly Constant[];
export type EvaluateRules = Readonly<Record<string, EvaluateRule>>;

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Strides that read a tensor as if it were broadcast to `rank` axes: 0 along stretched ones. */
export function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const strides = stridesOf(shape).map((stride, axis) => (shape[axis] === 1 ? 0 : stride));
  return [...new Array<number>(rank - shape.length).fill(0), ...strides];
}

/** Calls `visit` for each element of `shape` in row-major order, with the offset that `strides` gives it. */
export function forEachOffset(
  shape: readonly number[],
  strides: readonly number[],
  start: number,
  visit: (offset: number, index: number) => void,
): void {
  const rank = shape.length;
  if (shape.includes(0)) return;
  const position = new Array<number>(rank).fill(0);
  let offset = start;
  for (let index = 0; ; index++) {
    visit(offset, index);
    let axis = rank - 1;
    for (; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
    if (axis < 0) return;
  }
}
