/** Operators that scale channels: by given factors, by batch statistics, by factors computed from the input. */
import { shapeText } from '../describe.js';
import type { ValueIndex } from '../graph/plan-spec.js';
import { native } from '../native.js';
import { callNative } from '../native-error.js';
import { checkFloat32, Tensor } from '../tensor.js';
import { type Activation, checkPlainActivation } from './activation.js';
import { channelShape, imageShape, portLayout } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import {
  checkInteger,
  checkLayout,
  checkNumber,
  checkOptions,
  checkVector,
  type Layout,
  type Vector,
} from './options.js';

export interface ChannelOptions extends OperatorOptions {
  /** Applied to the result; any but prelu. */
  readonly activation?: Activation | undefined;
  /** 'nchw' (default): channels are axis 1. 'nhwc': they are the last axis. */
  readonly layout?: Layout | undefined;
}

const channelNames = ['activation', 'layout', ...operatorNames] as const;

function scale(
  op: string,
  input: Tensor,
  layout: Layout,
  factors: Float32Array,
  shift: Float32Array | undefined,
  o: ChannelOptions,
): Tensor {
  const shape = channelShape(op, 'x', input, layout);
  const port = portLayout(shape, layout);
  const plan = new OneStep(op);
  const inputs: ValueIndex[] = [plan.input('x', input, shape, port), plan.constant('scale', factors)];
  if (shift) inputs.push(plan.constant('shift', shift));
  const y = plan.value('y', shape);
  plan.output(y, input.shape, port);
  plan.step({ op: 'scale', inputs, outputs: [y], ...checkPlainActivation(op, o.activation) });
  return plan.run(o)[0]!;
}

export interface ScaleChannelsOptions extends ChannelOptions {
  /** Added after the multiplication: as many values as scale has. */
  readonly shift?: number | Vector | undefined;
  /** How many groups of consecutive channels share a factor (default: as many as scale has values). */
  readonly groups?: number | undefined;
}

/**
 * Value scaling: `y[n,c,...] = activation(x[n,c,...] * scale[k] + shift[k])`, k = floor(c * G / C), for G factors: one per
 * channel (G = C), one per group of C/G consecutive channels, or one for all (G = 1). The number of channels stays the same.
 *
 * @param x [N, C, ...], or [N, ..., C] with `layout: 'nhwc'`
 * @param scale a number, or G values where G divides C
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when the number of factors does not divide the channels, or differs from `groups` or from the shifts
 */
export function scaleChannels(x: Tensor, scale_: number | Vector, options?: ScaleChannelsOptions): Tensor {
  const op = 'scaleChannels';
  const o = checkOptions(op, options, [...channelNames, 'shift', 'groups']);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const channels = channelShape(op, 'x', input, layout)[1]!;
  const vector = (name: string, value: unknown, length: number | null): Float32Array =>
    typeof value === 'number'
      ? new Float32Array(length ?? 1).fill(value)
      : checkVector(op, name, value, length, 'values, one per factor');
  const factors = vector('scale', scale_, null);
  const groups = factors.length;
  if (o.groups !== undefined && checkInteger(op, 'groups', o.groups, 1) !== groups) {
    throw new RangeError(`${op}: scale: expected ${o.groups} values, one per group, got ${groups}`);
  }
  if (groups < 1 || channels % groups !== 0) {
    throw new RangeError(
      `${op}: scale: expected a number of factors that divides the ${channels} channels, got ${groups}`,
    );
  }
  return scale(op, input, layout, factors, o.shift === undefined ? undefined : vector('shift', o.shift, groups), o);
}

/** Inference-mode statistics and affine part of a batch norm, one value per channel each. */
export interface BatchNorm {
  /** Scale; 1 when left out. */
  readonly gamma?: Vector | undefined;
  /** Shift; 0 when left out. */
  readonly beta?: Vector | undefined;
  readonly mean: Vector;
  readonly variance: Vector;
  /** Added to the variance, inside the root (default 1e-5, as in ONNX and PyTorch; Keras has 1e-3). */
  readonly epsilon?: number | undefined;
}

export const batchNormNames = ['gamma', 'beta', 'mean', 'variance', 'epsilon'] as const;

/** A batch norm of `channels` channels as scale and shift, in double. */
export function batchNormAffine(
  op: string,
  norm: BatchNorm,
  channels: number,
): { scale: Float64Array; shift: Float64Array } {
  const vector = (name: keyof BatchNorm, fill?: number): Float32Array => {
    if (norm[name] === undefined && fill !== undefined) return new Float32Array(channels).fill(fill);
    return checkVector(op, name, norm[name], channels, 'values, one per channel');
  };
  const [gamma, beta, mean, variance] = [vector('gamma', 1), vector('beta', 0), vector('mean'), vector('variance')];
  const epsilon = norm.epsilon === undefined ? 1e-5 : checkNumber(op, 'epsilon', norm.epsilon, { least: 0 });
  return callNative(op, () => native.batchNormToAffine(gamma, beta, mean, variance, epsilon));
}

/**
 * Batch normalisation with given statistics: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, channel by channel.
 * Computed as one scale and shift, worked out in double and rounded once (Ioffe, Szegedy, arXiv 1502.03167). Behind a
 * convolution, {@link foldBatchNorm} makes it free.
 *
 * @param x [N, C, ...], or [N, ..., C] with `layout: 'nhwc'`
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when a vector does not have one value per channel, or epsilon is negative
 */
export function batchNorm(x: Tensor, norm: BatchNorm, options?: ChannelOptions): Tensor {
  const op = 'batchNorm';
  const o = checkOptions(op, options, channelNames);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const channels = channelShape(op, 'x', input, layout)[1]!;
  const affine = batchNormAffine(op, checkNorm(op, norm), channels);
  return scale(op, input, layout, Float32Array.from(affine.scale), Float32Array.from(affine.shift), o);
}

export function checkNorm(op: string, norm: BatchNorm): BatchNorm {
  if (norm === undefined)
    throw new TypeError(`${op}: norm: expected { gamma, beta, mean, variance, epsilon }, got undefined`);
  return checkOptions<BatchNorm>(`${op}: norm`, norm, batchNormNames);
}

/**
 * Parametric ReLU: `y = x > 0 ? x : slope * x` (He et al., arXiv 1502.01852).
 *
 * @param x any shape; [N, C, ...], or [N, ..., C] with `layout: 'nhwc'`, when slope has one value per channel
 * @param slope a number; a vector of one value per channel; or a tensor of rank 2 or more that broadcasts to x
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when slope fits none of these
 */
export function prelu(x: Tensor, slope: number | Vector, options?: Omit<ChannelOptions, 'activation'>): Tensor {
  const op = 'prelu';
  const o = checkOptions(op, options, ['layout', ...operatorNames]);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const plan = new OneStep(op);
  const finish = (inputs: ValueIndex[], shape: readonly number[], port: Layout): Tensor => {
    const y = plan.value('y', shape);
    plan.output(y, input.shape, port);
    plan.step({ op: 'binary', inputs, outputs: [y], fn: 'prelu' });
    return plan.run(o)[0]!;
  };
  if (typeof slope === 'number' || (slope instanceof Tensor && slope.shape.length !== 1)) {
    const operand =
      typeof slope === 'number' ? new Tensor('float32', Float32Array.of(slope), [1]) : checkFloat32(op, 'slope', slope);
    const offset = input.shape.length - operand.shape.length;
    if (
      operand.size !== 1 &&
      !operand.shape.every((extent, axis) => extent === 1 || extent === input.shape[axis + offset])
    ) {
      throw new RangeError(
        `${op}: slope: expected a shape that broadcasts to ${shapeText(input.shape)}, got ${shapeText(operand.shape)}`,
      );
    }
    const shape = operand.size === 1 ? [1] : operand.shape;
    return finish([plan.input('x', input), plan.constant('slope', operand.data, shape)], input.shape, 'nchw');
  }
  const values = checkVector(op, 'slope', slope, null);
  if (values.length === 1) return finish([plan.input('x', input), plan.constant('slope', values)], input.shape, 'nchw');
  const shape = channelShape(op, 'x', input, layout);
  const channels = shape[1]!;
  if (values.length !== channels)
    throw new RangeError(`${op}: slope: expected 1 value or ${channels}, one per channel, got ${values.length}`);
  const port = portLayout(shape, layout);
  const spread = [channels, ...new Array<number>(shape.length - 2).fill(1)];
  return finish([plan.input('x', input, shape, port), plan.constant('slope', values, spread)], shape, port);
}

export interface SqueezeExciteOptions extends ChannelOptions {
  /** Between the two layers (default 'relu'); any but prelu. */
  readonly activation?: Activation | undefined;
  /** What makes the factors of the second layer's result (default 'sigmoid'; MobileNetV3 has 'hardSigmoid'). */
  readonly gate?: Activation | undefined;
}

/**
 * Squeeze-and-excitation: `y = x * gate(w2 * activation(w1 * mean(x) + b1) + b2)`, the mean over the pixels of each channel
 * (Hu et al., arXiv 1709.01507). The factors depend on the input, so they can not be folded into weights.
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param w1 [R, C] or [R, C, 1, 1]
 * @param b1 R values, or null for none
 * @param w2 [C, R] or [C, R, 1, 1]
 * @param b2 C values, or null for none
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when shapes do not fit together, or an image has no pixels to take the mean of
 */
export function squeezeExcite(
  x: Tensor,
  w1: Tensor,
  b1: Vector | null,
  w2: Tensor,
  b2: Vector | null,
  options?: SqueezeExciteOptions,
): Tensor {
  const op = 'squeezeExcite';
  const o = checkOptions(op, options, [...channelNames, 'gate']);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const shape = imageShape(op, 'x', input, layout);
  const [n, channels, h, w] = shape;
  if (channels * h * w === 0)
    throw new RangeError(`${op}: x: expected channels and pixels, got shape ${shapeText(input.shape)}`);
  const plan = new OneStep(op);
  const dense = (name: string, weight: unknown, outputs: number | null, inputs: number): ValueIndex => {
    const { data, shape: own } = checkFloat32(op, name, weight);
    const [rows = 0, columns] = own;
    const matrix = own.length === 2 || (own.length === 4 && own[2] === 1 && own[3] === 1);
    if (!matrix || columns !== inputs || (outputs ?? rows) !== rows || rows === 0) {
      throw new RangeError(`${op}: ${name}: expected shape [${outputs ?? 'R'}, ${inputs}], got ${shapeText(own)}`);
    }
    return plan.constant(name, data, [rows, inputs]);
  };
  const bias = (name: string, values: unknown, count: number): ValueIndex =>
    plan.constant(name, values === null ? new Float32Array(count) : checkVector(op, name, values, count, 'values'));
  const first = dense('w1', w1, null, channels);
  const [squeezed = 0] = plan.shapeOf(first);
  const inputs = [
    plan.input('x', input, shape, layout),
    first,
    bias('b1', b1, squeezed),
    dense('w2', w2, channels, squeezed),
    bias('b2', b2, channels),
  ];
  const none = { kind: 'none', alpha: 0, beta: 0 };
  const { activation = none } = checkPlainActivation(op, o.activation ?? 'relu');
  const { activation: gate = none } = checkPlainActivation(op, o.gate ?? 'sigmoid', 'gate');
  const y = plan.value('y', shape);
  plan.output(y, input.shape, layout);
  plan.step({ op: 'squeezeExcite', inputs, outputs: [y], activation, gate });
  plan.work = 2 * n * channels * squeezed;
  return plan.run(o)[0]!;
}
