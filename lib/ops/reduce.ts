/** Reductions over axes. */
import type { ReduceFunction } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkAxis, checkFlag, checkIntegers, checkOptions, checkWord } from './options.js';

export interface ReduceOptions extends OperatorOptions {
  /** Axes to reduce, counted from the end when negative (default: all). */
  readonly axes?: readonly number[] | undefined;
  /** Keeps reduced axes with extent 1 (default false). */
  readonly keepDims?: boolean | undefined;
}

/** What each function makes of no elements at all. */
const ofNothing: Readonly<Record<ReduceFunction, number>> = {
  sum: 0,
  mean: Number.NaN,
  max: -Infinity,
  min: Infinity,
  prod: 1,
  l1: 0,
  l2: 0,
  sumSquare: 0,
  logSum: -Infinity,
  logSumExp: -Infinity,
};

/**
 * One value for all elements along the reduced axes: their sum, mean, max, min, prod, l1 (sum of magnitudes), l2 (Euclidean
 * norm), sumSquare, logSum (log of the sum) or logSumExp (log of the sum of exponentials).
 *
 * @param x any shape
 * @returns the kept axes; a scalar (shape []) when there are none
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when fn or an axis is none, or an axis is named twice
 */
export function reduce(x: Tensor, fn: ReduceFunction, options?: ReduceOptions): Tensor {
  const op = 'reduce';
  const o = checkOptions(op, options, ['axes', 'keepDims', ...operatorNames]);
  const input = checkFloat32(op, 'x', x);
  const { shape } = input;
  const name = checkWord(op, 'fn', fn, Object.keys(ofNothing) as ReduceFunction[]);
  const keepDims = checkFlag(op, 'keepDims', o.keepDims);
  const all = shape.map((_, axis) => axis);
  const axes =
    o.axes === undefined
      ? all
      : checkIntegers(op, 'axes', o.axes, -shape.length, shape.length - 1).map((axis) =>
          checkAxis(op, 'axes', axis, shape.length),
        );
  const reduced = new Set(axes);
  if (reduced.size !== axes.length)
    throw new RangeError(`${op}: axes: expected each axis once, got [${o.axes!.join(', ')}]`);
  const kept = shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
  const seen = keepDims ? kept : shape.filter((_, axis) => !reduced.has(axis));
  const plan = new OneStep(op);
  const y = plan.value('y', kept);
  plan.step({ op: 'reduce', inputs: [plan.input('x', input)], outputs: [y], fn: name, axes });
  plan.output(y, seen);
  return plan.run(o, input.size === 0 ? ofNothing[name] : undefined)[0]!;
}
