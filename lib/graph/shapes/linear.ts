/** Matrix products and reductions. */
import { flagAttribute, numberAttribute } from '../attributes.js';
import { ShapeError } from '../shape-error.js';
import {
  axesOf,
  broadcastShapes,
  differ,
  type RuleInput,
  resolveAxes,
  type ShapeRule,
  type ShapeRules,
} from './rule.js';

/** Axes a Reduce works on: none given means all, or none at all with `noop_with_empty_axes`. */
export function reduceAxes(context: RuleInput): number[] {
  const rank = context.input(0).shape.length;
  const axes = axesOf(context, 1) ?? [];
  if (axes.length > 0) return resolveAxes(axes, rank).sort((a, b) => a - b);
  return flagAttribute(context.node, 'noop_with_empty_axes', false)
    ? []
    : Array.from({ length: rank }, (_, axis) => axis);
}

const reduce: ShapeRule = (context) => {
  const { type, shape } = context.input(0);
  const axes = reduceAxes(context);
  const keep = flagAttribute(context.node, 'keepdims', true);
  return [{ type, shape: shape.flatMap((extent, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [extent])) }];
};

const argReduce: ShapeRule = (context) => {
  const { shape } = context.input(0);
  const [axis] = resolveAxes([numberAttribute(context.node, 'axis', 0)], shape.length);
  const keep = flagAttribute(context.node, 'keepdims', true);
  return [{ type: 'int64', shape: shape.flatMap((extent, i) => (i === axis ? (keep ? [1] : []) : [extent])) }];
};

const reductions = 'Sum Mean Max Min Prod L1 L2 SumSquare LogSum LogSumExp';

export const linearShapes: ShapeRules = {
  ...Object.fromEntries(reductions.split(' ').map((fn) => [`Reduce${fn}`, reduce])),
  ArgMax: argReduce,
  ArgMin: argReduce,
  Gemm: (context) => {
    const a = context.input(0);
    const b = context.input(1);
    if (a.shape.length !== 2 || b.shape.length !== 2)
      throw new ShapeError(`needs two matrices, got [${a.shape}] and [${b.shape}]`);
    const [m, k] = flagAttribute(context.node, 'transA', false) ? [...a.shape].reverse() : a.shape;
    const [kb, n] = flagAttribute(context.node, 'transB', false) ? [...b.shape].reverse() : b.shape;
    if (differ(k!, kb!)) throw new ShapeError(`rows of ${k} elements cannot be multiplied with columns of ${kb}`);
    return [{ type: a.type, shape: [m!, n!] }];
  },
  MatMul: (context) => {
    const a = context.input(0);
    const b = context.input(1);
    if (a.shape.length === 0 || b.shape.length === 0) throw new ShapeError('a scalar cannot be multiplied as a matrix');
    // A vector is a row on the left and a column on the right, and its made-up axis does not show in the result.
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    let right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    // Our own extension: a transpose of b that a pass has taken in.
    if (flagAttribute(context.node, 'transB', false)) right = [...right.slice(0, -2), right.at(-1)!, right.at(-2)!];
    if (differ(left.at(-1)!, right.at(-2)!)) throw new ShapeError(`[${a.shape}] and [${b.shape}] cannot be multiplied`);
    const shape = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
    if (a.shape.length > 1) shape.push(left.at(-2)!);
    if (b.shape.length > 1) shape.push(right.at(-1)!);
    return [{ type: a.type, shape }];
  },
};
