/** Operators that move elements and compute nothing. */
import { describe, shapeText } from '../describe.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { channelShape, portLayout } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import {
  checkAxis,
  checkInteger,
  checkIntegers,
  checkLayout,
  checkNumber,
  checkOptions,
  checkWord,
  type Layout,
} from './options.js';

const withExtent = (shape: readonly number[], axis: number, extent: number): number[] =>
  shape.map((own, i) => (i === axis ? extent : own));

export interface AxisOptions extends OperatorOptions {
  /** The axis, counted from the end when negative (default 1: the channels of NCHW). */
  readonly axis?: number | undefined;
}

/**
 * Tensors side by side along one axis.
 *
 * @param tensors one or more of equal shape but for that axis
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when the list is empty or shapes differ on another axis
 */
export function concat(tensors: readonly Tensor[], options?: AxisOptions): Tensor {
  const op = 'concat';
  const o = checkOptions(op, options, ['axis', ...operatorNames]);
  if (!Array.isArray(tensors))
    throw new TypeError(`${op}: tensors: expected an array of Tensors, got ${describe(tensors)}`);
  if (tensors.length === 0) throw new RangeError(`${op}: tensors: expected at least one Tensor, got none`);
  const parts = Array.from(tensors as unknown[], (part, i) => checkFloat32(op, `tensors[${i}]`, part));
  const { shape } = parts[0]!;
  const axis = checkAxis(op, 'axis', o.axis ?? 1, shape.length);
  for (const [i, part] of parts.entries()) {
    const fits =
      part.shape.length === shape.length && part.shape.every((extent, j) => j === axis || extent === shape[j]);
    if (fits) continue;
    const expected = withExtent(shape, axis, -1).map((extent) => (extent < 0 ? '*' : extent));
    throw new RangeError(`${op}: tensors[${i}]: expected shape [${expected.join(', ')}], got ${shapeText(part.shape)}`);
  }
  const plan = new OneStep(op);
  const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const y = plan.value('y', withExtent(shape, axis, total));
  // A part without elements adds nothing, and no kernel has to know about it.
  const inputs = parts.flatMap((part, i) => (part.shape[axis] === 0 ? [] : [plan.input(`tensors[${i}]`, part)]));
  plan.step({ op: 'concat', inputs, outputs: [y], axis });
  plan.output(y);
  return plan.run(o)[0]!;
}

export type SplitOptions = Omit<AxisOptions, 'out'>;

/**
 * A tensor cut along one axis.
 *
 * @param parts how many parts of equal extent, or the extent of each
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when the parts do not add up to the axis
 */
export function split(x: Tensor, parts: number | readonly number[], options?: SplitOptions): Tensor[] {
  const op = 'split';
  const o = checkOptions(op, options, ['axis', 'isa']);
  const input = checkFloat32(op, 'x', x);
  const axis = checkAxis(op, 'axis', o.axis ?? 1, input.shape.length);
  const extent = input.shape[axis]!;
  const sizes = Array.isArray(parts)
    ? checkIntegers(op, 'parts', parts, 0)
    : equalParts(op, checkInteger(op, 'parts', parts, 1), extent);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length === 0 || total !== extent)
    throw new RangeError(`${op}: parts: expected extents that add up to ${extent}, got ${shapeText(sizes)}`);
  const plan = new OneStep(op);
  const x0 = plan.input('x', input);
  const outputs = sizes.map((size, i) => plan.value(`y${i}`, withExtent(input.shape, axis, size)));
  for (const output of outputs) plan.output(output);
  plan.step({ op: 'split', inputs: [x0], outputs, axis });
  return plan.run(o);
}

function equalParts(op: string, count: number, extent: number): number[] {
  if (extent % count !== 0)
    throw new RangeError(`${op}: parts: expected a divisor of the axis of extent ${extent}, got ${count}`);
  return new Array<number>(count).fill(extent / count);
}

export interface ChannelShuffleOptions extends OperatorOptions {
  /** 'nchw' (default): channels are axis 1. 'nhwc': they are the last axis. */
  readonly layout?: Layout | undefined;
}

/**
 * `y[k*groups + r] = x[r*(C/groups) + k]` along the channels: mixes what grouped convolutions keep apart (ShuffleNet, Zhang
 * et al., arXiv 1707.01083).
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`; any rank of 2 or more
 * @param groups the number of groups; divides C
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when groups does not divide the channels
 */
export function channelShuffle(x: Tensor, groups: number, options?: ChannelShuffleOptions): Tensor {
  const op = 'channelShuffle';
  const o = checkOptions(op, options, ['layout', ...operatorNames]);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const own = channelShape(op, 'x', input, layout);
  const channels = own[1]!;
  const count = checkInteger(op, 'groups', groups, 1);
  if (channels % count !== 0)
    throw new RangeError(`${op}: groups: expected a divisor of the ${channels} channels, got ${count}`);
  // The step knows images only: other ranks are images of one row.
  const shape =
    own.length === 4 ? own : [own[0]!, channels, 1, own.slice(2).reduce((product, extent) => product * extent, 1)];
  const port = portLayout(own, layout);
  const plan = new OneStep(op);
  const y = plan.value('y', shape);
  plan.step({ op: 'channelShuffle', inputs: [plan.input('x', input, shape, port)], outputs: [y], groups: count });
  plan.output(y, input.shape, port);
  return plan.run(o)[0]!;
}

/**
 * Axes in another order: axis i of the result is axis permutation[i] of x.
 *
 * @param permutation every axis once (default: reversed)
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when it is no permutation of the axes of x
 */
export function transpose(x: Tensor, permutation?: readonly number[], options?: OperatorOptions): Tensor {
  const op = 'transpose';
  const o = checkOptions(op, options, operatorNames);
  const input = checkFloat32(op, 'x', x);
  const rank = input.shape.length;
  const axes =
    permutation === undefined
      ? input.shape.map((_, axis) => rank - 1 - axis)
      : checkIntegers(op, 'permutation', permutation, 0);
  if (axes.length !== rank || axes.some((axis) => axis >= rank) || new Set(axes).size !== rank) {
    throw new RangeError(`${op}: permutation: expected each of the ${rank} axes once, got ${shapeText(axes)}`);
  }
  const plan = new OneStep(op);
  const y = plan.value(
    'y',
    axes.map((axis) => input.shape[axis]!),
  );
  plan.step({ op: 'transpose', inputs: [plan.input('x', input)], outputs: [y], permutation: axes });
  plan.output(y);
  return plan.run(o)[0]!;
}

export interface PadOptions extends OperatorOptions {
  /** 'constant' (default), 'reflect' (without repeating the edge), 'edge' (repeats it) or 'wrap'. */
  readonly mode?: 'constant' | 'reflect' | 'edge' | 'wrap' | undefined;
  /** What 'constant' fills with (default 0; may be infinite or NaN). */
  readonly value?: number | undefined;
}

/**
 * Elements added around a tensor.
 *
 * @param padding [before, after] for each axis of x
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when there is not one pair per axis, or 'reflect', 'edge' or 'wrap' have no elements to repeat
 */
export function pad(x: Tensor, padding: readonly (readonly [number, number])[], options?: PadOptions): Tensor {
  const op = 'pad';
  const o = checkOptions(op, options, ['mode', 'value', ...operatorNames]);
  const input = checkFloat32(op, 'x', x);
  const { shape } = input;
  if (!Array.isArray(padding))
    throw new TypeError(`${op}: padding: expected [before, after] for each axis, got ${describe(padding)}`);
  if (padding.length !== shape.length)
    throw new RangeError(`${op}: padding: expected ${shape.length} pairs, one per axis, got ${padding.length}`);
  const pairs = Array.from(padding as unknown[], (pair, axis) => {
    const numbers = checkIntegers(op, `padding[${axis}]`, pair, 0);
    if (numbers.length !== 2)
      throw new RangeError(`${op}: padding[${axis}]: expected [before, after], got ${shapeText(numbers)}`);
    return numbers as [number, number];
  });
  const mode =
    o.mode === undefined ? 'constant' : checkWord(op, 'mode', o.mode, ['constant', 'reflect', 'edge', 'wrap']);
  if (o.value !== undefined && typeof o.value !== 'number')
    throw new TypeError(`${op}: value: expected a number, got ${describe(o.value)}`);
  if (o.value !== undefined && Number.isFinite(o.value)) checkNumber(op, 'value', o.value);
  for (const [axis, [before, after]] of pairs.entries()) {
    const extent = shape[axis]!;
    const most =
      mode === 'constant'
        ? Infinity
        : mode === 'reflect'
          ? extent - 1
          : mode === 'wrap'
            ? extent
            : extent > 0
              ? Infinity
              : 0;
    if (Math.max(before, after) > Math.max(0, most)) {
      throw new RangeError(
        `${op}: padding[${axis}]: expected at most ${Math.max(0, most)} elements to ${mode} on an axis of ${extent}, got ${shapeText([before, after])}`,
      );
    }
  }
  const result = shape.map((extent, axis) => extent + pairs[axis]![0] + pairs[axis]![1]);
  const plan = new OneStep(op);
  const y = plan.value('y', result);
  plan.step({
    op: 'pad',
    inputs: [plan.input('x', input)],
    outputs: [y],
    mode,
    begins: pairs.map(([before]) => before),
    value: o.value ?? 0,
  });
  plan.output(y);
  return plan.run(o, input.size === 0 ? (o.value ?? 0) : undefined)[0]!;
}
