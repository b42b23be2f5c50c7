/** Normalisations whose statistics come from the input, and softmax. */
import { describe } from '../describe.js';
import type { ValueIndex } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { type Activation, checkPlainActivation } from './activation.js';
import { channelShape, portLayout } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import {
  checkAxis,
  checkInteger,
  checkLayout,
  checkNumber,
  checkOptions,
  checkVector,
  type Layout,
  type Vector,
} from './options.js';

export interface NormOptions extends OperatorOptions {
  /** Multiplied with the normalised values (default 1). */
  readonly gamma?: Vector | undefined;
  /** Added last (default 0). */
  readonly beta?: Vector | undefined;
  /** Added to the variance, inside the root (default 1e-5). */
  readonly epsilon?: number | undefined;
  /** Applied to the result; any but prelu. */
  readonly activation?: Activation | undefined;
}

export interface ChannelNormOptions extends NormOptions {
  /** 'nchw' (default): channels are axis 1. 'nhwc': they are the last axis. */
  readonly layout?: Layout | undefined;
}

const normNames = ['gamma', 'beta', 'epsilon', 'activation', ...operatorNames] as const;

/** gamma and beta as operands: both, or none. */
function affine(op: string, plan: OneStep, o: NormOptions, shape: readonly number[]): ValueIndex[] {
  if (o.gamma === undefined && o.beta === undefined) return [];
  const count = shape.reduce((product, extent) => product * extent, 1);
  const vector = (name: 'gamma' | 'beta', fill: number): ValueIndex => {
    const data = o[name] === undefined ? new Float32Array(count).fill(fill) : checkVector(op, name, o[name], count);
    return plan.constant(name, data, shape);
  };
  return [vector('gamma', 1), vector('beta', 0)];
}

const epsilonOf = (op: string, { epsilon }: NormOptions): number =>
  epsilon === undefined ? 1e-5 : checkNumber(op, 'epsilon', epsilon, { least: 0 });

function normalizeGroups(op: string, input: Tensor, groups: number, o: ChannelNormOptions): Tensor {
  const layout = checkLayout(op, o.layout);
  const shape = channelShape(op, 'x', input, layout);
  const channels = shape[1]!;
  if (channels % groups !== 0)
    throw new RangeError(`${op}: groups: expected a divisor of the ${channels} channels, got ${groups}`);
  const port = portLayout(shape, layout);
  const plan = new OneStep(op);
  const inputs = [plan.input('x', input, shape, port), ...affine(op, plan, o, [channels])];
  const y = plan.value('y', shape);
  plan.output(y, input.shape, port);
  const activation = checkPlainActivation(op, o.activation);
  plan.step({
    op: 'normalize',
    inputs,
    outputs: [y],
    kind: 'group',
    axis: 1,
    groups,
    epsilon: epsilonOf(op, o),
    ...activation,
  });
  return plan.run(o)[0]!;
}

/**
 * Group normalisation: for each image and each of `groups` groups of C/groups consecutive channels, mean and (biased)
 * variance over all its values, `y = gamma[c] * (x - mean) / sqrt(variance + epsilon) + beta[c]` (Wu, He, arXiv 1803.08494).
 *
 * @param x [N, C, ...], or [N, ..., C] with `layout: 'nhwc'`
 * @param groups the number of groups; divides C
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when groups does not divide the channels, gamma or beta have not C values, or epsilon is negative
 */
export function groupNorm(x: Tensor, groups: number, options?: ChannelNormOptions): Tensor {
  const op = 'groupNorm';
  const o = checkOptions(op, options, [...normNames, 'layout']);
  return normalizeGroups(op, checkFloat32(op, 'x', x), checkInteger(op, 'groups', groups, 1), o);
}

/**
 * Instance normalisation: {@link groupNorm} with as many groups as channels (Ulyanov et al., arXiv 1607.08022).
 *
 * @param x [N, C, ...], or [N, ..., C] with `layout: 'nhwc'`
 * @throws TypeError, RangeError as {@link groupNorm}
 */
export function instanceNorm(x: Tensor, options?: ChannelNormOptions): Tensor {
  const op = 'instanceNorm';
  const o = checkOptions(op, options, [...normNames, 'layout']);
  const input = checkFloat32(op, 'x', x);
  return normalizeGroups(op, input, Math.max(1, channelShape(op, 'x', input, checkLayout(op, o.layout))[1]!), o);
}

export interface LayerNormOptions extends NormOptions {
  /** The first axis that is normalised, together with all behind it (default -1: the last one). */
  readonly axis?: number | undefined;
}

/**
 * Layer normalisation: mean and (biased) variance over the axes from `axis` on, gamma and beta element by element (Ba et
 * al., arXiv 1607.06450).
 *
 * @param x any shape of rank 1 or more
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when the axis is none of x, gamma or beta do not have the normalised shape, or epsilon is negative
 */
export function layerNorm(x: Tensor, options?: LayerNormOptions): Tensor {
  const op = 'layerNorm';
  const o = checkOptions(op, options, [...normNames, 'axis']);
  const input = checkFloat32(op, 'x', x);
  const axis = checkAxis(op, 'axis', o.axis ?? -1, input.shape.length);
  const plan = new OneStep(op);
  const inputs = [plan.input('x', input), ...affine(op, plan, o, input.shape.slice(axis))];
  const y = plan.value('y', input.shape);
  plan.output(y);
  const activation = checkPlainActivation(op, o.activation);
  plan.step({
    op: 'normalize',
    inputs,
    outputs: [y],
    kind: 'layer',
    axis,
    groups: 1,
    epsilon: epsilonOf(op, o),
    ...activation,
  });
  return plan.run(o)[0]!;
}

export interface SoftmaxOptions extends OperatorOptions {
  /** The axis along which the results sum up to 1 (default -1: the last one). */
  readonly axis?: number | undefined;
}

function softmaxStep(op: string, x: unknown, options: SoftmaxOptions | undefined, log: boolean): Tensor {
  const o = checkOptions(op, options, ['axis', ...operatorNames]);
  const input = checkFloat32(op, 'x', x);
  if (input.shape.length === 0) throw new RangeError(`${op}: x: expected rank 1 or more, got ${describe(input.shape)}`);
  const axis = checkAxis(op, 'axis', o.axis ?? -1, input.shape.length);
  const plan = new OneStep(op);
  const y = plan.value('y', input.shape);
  plan.step({ op: 'softmax', inputs: [plan.input('x', input)], outputs: [y], axis, log });
  plan.output(y);
  return plan.run(o)[0]!;
}

/**
 * `y = exp(x - max) / sum(exp(x - max))` along one axis.
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when the axis is none of x
 */
export const softmax = (x: Tensor, options?: SoftmaxOptions): Tensor => softmaxStep('softmax', x, options, false);

/**
 * `y = x - max - log(sum(exp(x - max)))` along one axis.
 * @throws TypeError, RangeError as {@link softmax}
 */
export const logSoftmax = (x: Tensor, options?: SoftmaxOptions): Tensor => softmaxStep('logSoftmax', x, options, true);
