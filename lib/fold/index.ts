/** Folding of batch norms and channel scales into the weights next to them. Exact algebra, in double, rounded once. */
import { describe, shapeText } from '../describe.js';
import { native } from '../native.js';
import { callNative } from '../native-error.js';
import { checkFlag, checkInteger, checkOptions, checkVector, type Vector } from '../ops/options.js';
import { type BatchNorm, batchNormAffine, checkNorm } from '../ops/scale.js';
import { checkFloat32, Tensor } from '../tensor.js';
import type { ChannelAffine, LinearWeights } from './algebra.js';

/** A convolution, transposed convolution or fully connected layer, as weights. */
export interface LinearLayer {
  /** [O, C/groups, ...] of a convolution, [O, I] of a linear layer; [C, O/groups, ...] when `transposed`. */
  readonly weight: Tensor;
  /** One value per output channel; none when left out or null. */
  readonly bias?: Vector | null | undefined;
  /** The number of groups (default 1). */
  readonly groups?: number | undefined;
  /** The weights of a transposed convolution, whose first axis is that of the inputs (default false). */
  readonly transposed?: boolean | undefined;
}

/** `x * scale + shift`, channel by channel. */
export interface ChannelScale {
  /** A number, or as many values as divide the channels: consecutive channels share one. */
  readonly scale: number | Vector;
  /** 0 when left out. */
  readonly shift?: number | Vector | undefined;
}

export interface FoldedLayer {
  readonly weight: Tensor;
  /** [O] */
  readonly bias: Tensor;
}

export interface FoldedBeforeLayer extends FoldedLayer {
  /**
   * What a layer that pads must pad its input with from now on, one value per input channel: -shift/scale, which the affine
   * map would have turned into 0. Undefined when no such value exists (scale 0 and shift not 0): then the fold is exact only
   * without padding.
   */
  readonly padValue?: Float32Array;
}

interface Checked {
  readonly linear: LinearWeights;
  readonly outputs: number;
  readonly inputs: number;
}

function checkLayer(op: string, layer: LinearLayer): Checked {
  if (layer === undefined) throw new TypeError(`${op}: layer: expected { weight, bias, groups }, got undefined`);
  const {
    weight,
    bias,
    groups: given,
    transposed,
  } = checkOptions<LinearLayer>(`${op}: layer`, layer, ['weight', 'bias', 'groups', 'transposed']);
  const { data, shape } = checkFloat32(op, 'weight', weight);
  if (shape.length < 2) throw new RangeError(`${op}: weight: expected rank 2 or more, got shape ${shapeText(shape)}`);
  const groups = checkInteger(op, 'groups', given ?? 1, 1);
  const flipped = checkFlag(op, 'transposed', transposed);
  const [first, second] = shape as [number, number];
  if (first % groups !== 0)
    throw new RangeError(
      `${op}: groups: expected a divisor of the ${first} ${flipped ? 'input' : 'output'} channels, got ${groups}`,
    );
  const [outputs, inputs] = flipped ? [second * groups, first] : [first, second * groups];
  const values =
    bias === undefined || bias === null
      ? null
      : checkVector(op, 'bias', bias, outputs, 'values, one per output channel');
  return { linear: { weight: data, shape, bias: values, axis: flipped ? 'io' : 'oi', groups }, outputs, inputs };
}

/** One double per channel, from a number or from values shared by runs of channels. */
function spread(op: string, name: string, value: unknown, channels: number): Float64Array {
  if (typeof value === 'number') return new Float64Array(channels).fill(value);
  const data = checkVector(op, name, value, null);
  if (data.length === 0 ? channels !== 0 : channels % data.length !== 0) {
    throw new RangeError(
      `${op}: ${name}: expected a number of values that divides the ${channels} channels, got ${data.length}`,
    );
  }
  return Float64Array.from({ length: channels }, (_, c) => data[Math.floor((c * data.length) / channels)]!);
}

function foldedLayer(
  op: string,
  { linear }: Checked,
  fold: 'foldAfter' | 'foldBefore',
  affine: ChannelAffine,
): FoldedLayer {
  const { weight, bias } = callNative(op, () => native[fold](linear, affine));
  return { weight: new Tensor('float32', weight, linear.shape), bias: new Tensor('float32', bias, [bias.length]) };
}

/**
 * A layer followed by an inference-mode batch norm, as one layer. With t = gamma / sqrt(variance + epsilon):
 * `weight'[o] = t[o] * weight[o]`, `bias'[o] = (bias[o] - mean[o]) * t[o] + beta[o]`.
 *
 * Exact for every padding, since the norm comes last; computed in double and rounded to float32 once. Formulas: Ioffe and
 * Szegedy, arXiv 1502.03167; epsilon belongs inside the root.
 *
 * @param layer its weights; `transposed` for those of a transposed convolution
 * @param norm one value per output channel each; epsilon 1e-5 unless given
 * @throws TypeError when an argument has the wrong type, or a field is unknown
 * @throws RangeError when lengths do not fit the output channels, or epsilon is negative
 */
export function foldBatchNorm(layer: LinearLayer, norm: BatchNorm): FoldedLayer {
  const op = 'foldBatchNorm';
  const checked = checkLayer(op, layer);
  return foldedLayer(op, checked, 'foldAfter', batchNormAffine(op, checkNorm(op, norm), checked.outputs));
}

/**
 * A channel scale and shift next to a layer, as part of it.
 *
 * 'after' the layer, one factor per output channel (exact for every padding):
 * `weight'[o] = scale[o] * weight[o]`, `bias'[o] = scale[o] * bias[o] + shift[o]`.
 *
 * 'before' the layer, one factor per input channel: `weight'[o,c] = weight[o,c] * scale[c]`,
 * `bias'[o] = bias[o] + sum over c and taps of weight[o,c] * shift[c]`. Exact when the layer does not pad, or when there is
 * no shift. A layer that pads with zeros must pad channel c with `-shift[c] / scale[c]` afterwards, given back as
 * `padValue`, for {@link conv2d}; padding it with zeros would be wrong along the border. Where that value does not exist,
 * or for a transposed convolution (whose taps do not all meet every output), fold the scale only.
 *
 * @throws TypeError when an argument has the wrong type, or a field is unknown
 * @throws RangeError when lengths do not fit the channels, or `where` is another word
 */
export function foldScale(layer: LinearLayer, affine: ChannelScale, where: 'after'): FoldedLayer;
export function foldScale(layer: LinearLayer, affine: ChannelScale, where: 'before'): FoldedBeforeLayer;
export function foldScale(layer: LinearLayer, affine: ChannelScale, where: 'after' | 'before'): FoldedBeforeLayer {
  const op = 'foldScale';
  const checked = checkLayer(op, layer);
  if (affine === undefined) throw new TypeError(`${op}: affine: expected { scale, shift }, got undefined`);
  const given = checkOptions<ChannelScale>(`${op}: affine`, affine, ['scale', 'shift']);
  if (typeof where !== 'string')
    throw new TypeError(`${op}: where: expected 'after' or 'before', got ${describe(where)}`);
  if (where !== 'after' && where !== 'before')
    throw new RangeError(`${op}: where: expected 'after' or 'before', got ${describe(where)}`);
  const channels = where === 'after' ? checked.outputs : checked.inputs;
  const scale = spread(op, 'scale', given.scale, channels);
  const shift = spread(op, 'shift', given.shift ?? 0, channels);
  if (where === 'after') return foldedLayer(op, checked, 'foldAfter', { scale, shift });
  if (checked.linear.axis === 'io' && checked.linear.shape.length > 2 && shift.some((value) => value !== 0)) {
    throw new RangeError(
      `${op}: shift: expected none before a transposed convolution, whose outputs do not all see every tap`,
    );
  }
  const padValue = Float32Array.from(scale, (factor, c) => (shift[c] === 0 ? 0 : -shift[c]! / factor));
  const folded = foldedLayer(op, checked, 'foldBefore', { scale, shift });
  return padValue.every(Number.isFinite) ? { ...folded, padValue } : folded;
}
