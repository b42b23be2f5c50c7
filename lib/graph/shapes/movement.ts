/** Operators that move elements without computing. */
import { constantAttribute, flagAttribute, numberAttribute, numbersAttribute } from '../attributes.js';
import { elementCount } from '../constant.js';
import { ShapeError } from '../shape-error.js';
import {
  axesOf,
  broadcastShapes,
  differ,
  knownNumbers,
  optionalNumbers,
  type RuleInput,
  resolveAxes,
  type ShapeRules,
  type TensorType,
} from './rule.js';

/** Begin, step and number of elements per axis. */
export interface SliceGeometry {
  readonly starts: number[];
  readonly steps: number[];
  readonly output: number[];
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

export function sliceGeometry(context: RuleInput): SliceGeometry {
  const { shape } = context.input(0);
  const begins = knownNumbers(context, 1);
  const ends = knownNumbers(context, 2);
  const axes = resolveAxes(optionalNumbers(context, 3) ?? begins.map((_, i) => i), shape.length);
  const strides = optionalNumbers(context, 4) ?? begins.map(() => 1);
  const starts = shape.map(() => 0);
  const steps = shape.map(() => 1);
  const output = [...shape];
  for (const [i, axis] of axes.entries()) {
    const extent = shape[axis]!;
    const step = strides[i]!;
    if (!step) throw new ShapeError('a slice needs a step other than 0');
    // Out-of-range bounds mean "as far as it goes"; going backwards, one before the first element is the far end.
    const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
    const first = clamp(begins[i]! + (begins[i]! < 0 ? extent : 0), 0, step > 0 ? extent : extent - 1);
    const last = clamp(ends[i]! + (ends[i]! < 0 ? extent : 0), low, high);
    const count = Math.max(0, Math.ceil((last - first) / step));
    starts[axis] = first;
    steps[axis] = count > 1 ? step : 1; // one that is not taken may be beyond all numbers
    output[axis] = count;
  }
  return { starts, steps, output };
}

/** Elements added before and after each axis. */
export function padGeometry(context: RuleInput): { begins: number[]; ends: number[]; output: number[] } {
  const { shape } = context.input(0);
  const rank = shape.length;
  const pads = knownNumbers(context, 1);
  const axes = resolveAxes(optionalNumbers(context, 3) ?? shape.map((_, axis) => axis), rank);
  if (pads.length !== 2 * axes.length) throw new ShapeError(`got ${pads.length} pads for ${axes.length} axes`);
  const begins = shape.map(() => 0);
  const ends = shape.map(() => 0);
  for (const [i, axis] of axes.entries()) {
    begins[axis] = pads[i]!;
    ends[axis] = pads[i + axes.length]!;
  }
  const output = shape.map((extent, axis) => extent + begins[axis]! + ends[axis]!);
  if (output.some((extent) => extent < 0)) throw new ShapeError(`pads [${pads}] crop more than [${shape}] has`);
  return { begins, ends, output };
}

/** Extents of each output along the axis. */
export function splitGeometry(context: RuleInput): { axis: number; parts: number[] } {
  const { node } = context;
  const { shape } = context.input(0);
  const axis = resolveAxes([numberAttribute(node, 'axis', 0)], shape.length)[0]!;
  const extent = shape[axis]!;
  const given = optionalNumbers(context, 1);
  if (given) {
    if (given.length !== node.outputs.length || differ(elementSum(given), extent)) {
      throw new ShapeError(`parts [${given}] do not make up ${node.outputs.length} outputs of an extent of ${extent}`);
    }
    return { axis, parts: given };
  }
  const count = node.outputs.length;
  const wanted = numberAttribute(node, 'num_outputs', count);
  if (wanted !== count) throw new ShapeError(`num_outputs is ${wanted}, but there are ${count} outputs`);
  const part = Math.ceil(extent / count);
  return { axis, parts: Array.from({ length: count }, (_, i) => (i < count - 1 ? part : extent - part * (count - 1))) };
}

const elementSum = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function reshape({ type, shape }: TensorType, wanted: readonly number[], zeroIsZero: boolean): TensorType {
  const copied = wanted.map((extent, axis) => (extent === 0 && !zeroIsZero ? (shape[axis] ?? 0) : extent));
  const total = elementCount(shape);
  const open = copied.indexOf(-1);
  if (open >= 0) {
    const rest = copied.reduce((product, extent, axis) => (axis === open ? product : product * extent), 1);
    copied[open] = rest === 0 ? 0 : total / rest;
  }
  const bad = copied.some((extent) => extent < 0 || (!Number.isNaN(extent) && !Number.isInteger(extent)));
  if (bad || differ(elementCount(copied), total)) throw new ShapeError(`[${shape}] cannot be reshaped to [${wanted}]`);
  return { type, shape: copied };
}

export const movementShapes: ShapeRules = {
  Shape: (context) => {
    const rank = context.input(0).shape.length;
    const [start, end] = shapeRange(context, rank);
    return [{ type: 'int64', shape: [Math.max(0, end - start)] }];
  },
  Size: (context) => {
    context.input(0);
    return [{ type: 'int64', shape: [] }];
  },
  Reshape: (context) => [
    reshape(context.input(0), knownNumbers(context, 1), flagAttribute(context.node, 'allowzero', false)),
  ],
  Flatten: (context) => {
    const { type, shape } = context.input(0);
    const axis = numberAttribute(context.node, 'axis', 1);
    const split = axis < 0 ? axis + shape.length : axis;
    return [{ type, shape: [elementCount(shape.slice(0, split)), elementCount(shape.slice(split))] }];
  },
  Squeeze: (context) => {
    const { type, shape } = context.input(0);
    const axes = axesOf(context, 1);
    const dropped = axes
      ? resolveAxes(axes, shape.length)
      : shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
    if (dropped.some((axis) => differ(shape[axis]!, 1)))
      throw new ShapeError(`axes [${dropped}] of [${shape}] are not all 1`);
    return [{ type, shape: shape.filter((_, axis) => !dropped.includes(axis)) }];
  },
  Unsqueeze: (context) => {
    const { type, shape } = context.input(0);
    const given = axesOf(context, 1) ?? [];
    const rank = shape.length + given.length;
    const axes = resolveAxes(given, rank);
    if (new Set(axes).size < axes.length) throw new ShapeError(`axes [${given}] name one twice`);
    const rest = [...shape];
    return [{ type, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)) }];
  },
  Transpose: (context) => {
    const { type, shape } = context.input(0);
    const order = numbersAttribute(context.node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
    if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== shape.length) {
      throw new ShapeError(`perm [${order}] does not order the axes of [${shape}]`);
    }
    return [{ type, shape: order.map((axis) => shape[axis]!) }];
  },
  Concat: (context) => {
    const all = context.node.inputs.map((_, index) => context.input(index));
    const [first] = all;
    if (!first) throw new ShapeError('nothing to concatenate');
    const rank = first.shape.length;
    const axis = resolveAxes([numberAttribute(context.node, 'axis', 0)], rank)[0]!;
    const shape = first.shape.map((extent, i) => {
      if (i === axis) return elementSum(all.map((input) => input.shape[i] ?? Number.NaN));
      const known = all.map((input) => input.shape[i] ?? -1).filter((other) => !Number.isNaN(other));
      if (known.some((other) => other !== known[0])) {
        throw new ShapeError(`shapes ${all.map((input) => `[${input.shape}]`).join(', ')} differ along axis ${i}`);
      }
      return known[0] ?? extent;
    });
    return [{ type: first.type, shape }];
  },
  Split: (context) => {
    const { type, shape } = context.input(0);
    const { axis, parts } = splitGeometry(context);
    return parts.map((part) => ({ type, shape: shape.map((extent, i) => (i === axis ? part : extent)) }));
  },
  Slice: (context) => [{ type: context.input(0).type, shape: sliceGeometry(context).output }],
  Pad: (context) => [{ type: context.input(0).type, shape: padGeometry(context).output }],
  Expand: (context) => {
    const { type, shape } = context.input(0);
    return [{ type, shape: broadcastShapes(shape, knownNumbers(context, 1)) }];
  },
  Tile: (context) => {
    const { type, shape } = context.input(0);
    const repeats = knownNumbers(context, 1);
    if (repeats.length !== shape.length) throw new ShapeError(`got ${repeats.length} repeats for ${shape.length} axes`);
    return [{ type, shape: shape.map((extent, axis) => extent * repeats[axis]!) }];
  },
  Gather: (context) => {
    const { type, shape } = context.input(0);
    const axis = resolveAxes([numberAttribute(context.node, 'axis', 0)], shape.length)[0]!;
    return [{ type, shape: [...shape.slice(0, axis), ...context.input(1).shape, ...shape.slice(axis + 1)] }];
  },
  ConstantOfShape: (context) => [
    { type: constantAttribute(context.node, 'value')?.type ?? 'float32', shape: knownNumbers(context, 0) },
  ],
  Range: (context) => {
    const [start = 0, limit = 0, delta = 1] = [0, 1, 2].map((index) => knownNumbers(context, index)[0]);
    return [{ type: context.input(0).type, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  },
};

/** The axes a Shape reports: `start` and `end` count from either end and are clamped. */
export function shapeRange(context: RuleInput, rank: number): [start: number, end: number] {
  const bound = (name: string, fallback: number) => {
    const value = numberAttribute(context.node, name, fallback);
    return clamp(value < 0 ? value + rank : value, 0, rank);
  };
  return [bound('start', 0), bound('end', rank)];
}
