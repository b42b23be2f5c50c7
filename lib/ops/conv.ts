/** Convolutions: dense, grouped, depthwise and separable. */
import { shapeText } from '../describe.js';
import type { Pair, ValueIndex } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import type { Activation } from './activation.js';
import {
  addEpilogue,
  checkEpilogue,
  type Epilogue,
  type EpilogueOptions,
  type EpilogueTensors,
  epilogueNames,
  epilogueTensorNames,
} from './epilogue.js';
import { callerShape, type ImageShape, imageShape } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import {
  checkInteger,
  checkLayout,
  checkOptions,
  checkRank,
  checkVector,
  type Layout,
  type Vector,
} from './options.js';
import { checkWindow, slide, type Window, type WindowOptions, windowNames } from './window.js';

/** What is known of a convolution before its input. */
export interface ConvOptions extends WindowOptions, EpilogueOptions {
  /** The number of groups (not their size); divides input and output channels (default 1). */
  readonly groups?: number | undefined;
  /** What the border holds, one value per input channel (default 0). A folded batch norm needs it: {@link foldScale}. */
  readonly padValue?: Vector | undefined;
  /** Of x, residual, gate and the result (default 'nchw'). Weights are OIHW in both. */
  readonly layout?: Layout | undefined;
}

export interface Conv2dOptions extends ConvOptions, EpilogueTensors, OperatorOptions {}

export type DepthwiseConv2dOptions = Omit<Conv2dOptions, 'groups'>;

export interface SeparableConv2dOptions extends Omit<Conv2dOptions, 'groups'> {
  /** One value per channel of the depthwise result; `bias` is that of the pointwise one. */
  readonly depthwiseBias?: Vector | undefined;
  /** Between the two convolutions. */
  readonly depthwiseActivation?: Activation | undefined;
}

export const convNames = [...windowNames, ...epilogueNames, 'padValue', 'layout'] as const;
const callNames = [...epilogueTensorNames, ...operatorNames] as const;

/** A checked convolution, to be laid over any input that fits. */
export interface ConvRecipe {
  readonly weight: Float32Array;
  readonly shape: ImageShape; // O, C/groups, KH, KW
  readonly window: Window;
  /** Undefined for depthwise: as many as the input has channels. */
  readonly groups: number | undefined;
  readonly epilogue: Epilogue;
  readonly padValue: Float32Array | undefined;
  readonly layout: Layout;
}

export function convRecipe(
  op: string,
  weight: unknown,
  options: ConvOptions,
  depthwise = false,
  name = 'weight',
): ConvRecipe {
  const checked = checkFloat32(op, name, weight);
  checkRank(op, name, checked, 4, depthwise ? '[channels * multiplier, 1, KH, KW]' : '[O, C / groups, KH, KW]');
  const shape = checked.shape as ImageShape;
  const [outputs, inputs, kh, kw] = shape;
  if (shape.includes(0))
    throw new RangeError(`${op}: ${name}: expected extents of at least 1, got ${shapeText(shape)}`);
  if (depthwise && inputs !== 1)
    throw new RangeError(`${op}: ${name}: expected shape [channels * multiplier, 1, KH, KW], got ${shapeText(shape)}`);
  const groups = depthwise ? undefined : checkInteger(op, 'groups', options.groups ?? 1, 1);
  if (groups !== undefined && outputs % groups !== 0) {
    throw new RangeError(`${op}: groups: expected a divisor of the ${outputs} output channels, got ${groups}`);
  }
  return {
    weight: checked.data,
    shape,
    window: checkWindow(op, [kh, kw], options),
    groups,
    epilogue: checkEpilogue(op, options, outputs),
    padValue:
      options.padValue === undefined
        ? undefined
        : checkVector(
            op,
            'padValue',
            options.padValue,
            groups === undefined ? null : inputs * groups,
            'values, one per input channel',
          ),
    layout: checkLayout(op, options.layout),
  };
}

/** Channels of the input against those of the weights: the group count to use. */
function checkChannels(op: string, name: string, recipe: ConvRecipe, channels: number): number {
  const [outputs, inputs] = recipe.shape;
  if (recipe.groups === undefined) {
    if (channels > 0 && outputs % channels === 0) return channels;
    throw new RangeError(
      `${op}: ${name}: expected a multiple of the ${channels} input channels as output channels, got ${outputs}`,
    );
  }
  if (channels === inputs * recipe.groups) return recipe.groups;
  const whole = channels % recipe.groups === 0;
  if (!whole)
    throw new RangeError(`${op}: groups: expected a divisor of the ${channels} input channels, got ${recipe.groups}`);
  throw new RangeError(
    `${op}: ${name}: expected ${channels / recipe.groups} input channels (${channels} channels / ${recipe.groups} groups), got ${inputs}`,
  );
}

/** Lays a convolution over the value `x`; returns the value of the result. */
export function addConv(
  op: string,
  plan: OneStep,
  recipe: ConvRecipe,
  x: ValueIndex,
  tensors: EpilogueTensors = {},
  name = 'weight',
): ValueIndex {
  const [n, channels, h, w] = plan.shapeOf(x) as ImageShape;
  const [outputs, inputs, kh, kw] = recipe.shape;
  const groups = checkChannels(op, name, recipe, channels);
  const { padValue } = recipe;
  if (padValue && padValue.length !== channels) {
    throw new RangeError(`${op}: padValue: expected ${channels} values, one per input channel, got ${padValue.length}`);
  }
  const { pads, output } = slide(op, recipe.window, [h, w] as Pair);
  const shape: ImageShape = [n, outputs, ...output];
  const weight = plan.constant('weight', recipe.weight, recipe.shape);
  const border = padValue && { padValue: plan.constant('padValue', padValue) };
  const epilogue = addEpilogue(op, plan, recipe.epilogue, tensors, shape, recipe.layout);
  const y = plan.value('y', shape);
  const { strides, dilations } = recipe.window;
  plan.step({
    op: 'conv2d',
    inputs: [x, weight],
    outputs: [y],
    strides,
    dilations,
    pads,
    groups,
    ...border,
    ...epilogue,
  });
  plan.work += n * outputs * output[0] * output[1] * inputs * kh * kw;
  return y;
}

/** The plan of one convolution over the caller's x. */
export function convStep(op: string, x: unknown, recipe: ConvRecipe, tensors: EpilogueTensors = {}): OneStep {
  const plan = new OneStep(op);
  const input = checkFloat32(op, 'x', x);
  const value = plan.input('x', input, imageShape(op, 'x', input, recipe.layout), recipe.layout);
  const y = addConv(op, plan, recipe, value, tensors);
  plan.output(y, callerShape(plan.shapeOf(y) as ImageShape, recipe.layout), recipe.layout);
  return plan;
}

/**
 * Convolution, dense or grouped:
 * `y[n,o,i,j] = bias[o] + sum over c < C/g, u, v of weight[o,c,u,v] * x[n, floor(o*g/O)*(C/g) + c, i*s - p + u*d, j*s - p + v*d]`,
 * then the epilogue: scale and shift, residual, activation, gate. (Cross-correlation, as every framework computes it; grouped
 * form of Krizhevsky et al. 2012.)
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param weight [O, C/groups, KH, KW] in both layouts
 * @returns [N, O, OH, OW] in the layout of x, OH = floor((H + top + bottom - d(KH-1) - 1) / s) + 1
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when shapes do not fit together, or no window fits into the padded input
 */
export function conv2d(x: Tensor, weight: Tensor, options?: Conv2dOptions): Tensor {
  const o = checkOptions('conv2d', options, [...convNames, 'groups', ...callNames]);
  return convStep('conv2d', x, convRecipe('conv2d', weight, o), o).run(o)[0]!;
}

/**
 * Depthwise convolution: every input channel has `multiplier` filters of its own; output channel o reads input channel
 * floor(o / multiplier). A {@link conv2d} with as many groups as channels.
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param weight [C * multiplier, 1, KH, KW]
 * @returns [N, C * multiplier, OH, OW] in the layout of x
 * @throws TypeError, RangeError as {@link conv2d}
 */
export function depthwiseConv2d(x: Tensor, weight: Tensor, options?: DepthwiseConv2dOptions): Tensor {
  const o = checkOptions('depthwiseConv2d', options, [...convNames, ...callNames]);
  return convStep('depthwiseConv2d', x, convRecipe('depthwiseConv2d', weight, o, true), o).run(o)[0]!;
}

/**
 * Depthwise separable convolution: a depthwise convolution (stride, padding, dilation and padValue are its own), then a
 * pointwise one (bias, scale, shift, residual, activation and gate are its own). MobileNets, arXiv 1704.04861.
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param depthwise [C * multiplier, 1, KH, KW]
 * @param pointwise [O, C * multiplier, 1, 1]
 * @returns [N, O, OH, OW] in the layout of x
 * @throws TypeError, RangeError as {@link conv2d}
 */
export function separableConv2d(
  x: Tensor,
  depthwise: Tensor,
  pointwise: Tensor,
  options?: SeparableConv2dOptions,
): Tensor {
  const op = 'separableConv2d';
  const o = checkOptions(op, options, [...convNames, 'depthwiseBias', 'depthwiseActivation', ...callNames]);
  const {
    stride,
    padding,
    dilation,
    padValue,
    layout,
    depthwiseBias,
    depthwiseActivation,
    bias,
    scale,
    shift,
    activation,
  } = o;
  const first = { stride, padding, dilation, padValue, layout, bias: depthwiseBias, activation: depthwiseActivation };
  const spatial = convRecipe(op, depthwise, first, true, 'depthwise');
  const mixing = convRecipe(op, pointwise, { layout, bias, scale, shift, activation }, false, 'pointwise');
  if (mixing.shape[2] !== 1 || mixing.shape[3] !== 1) {
    throw new RangeError(`${op}: pointwise: expected shape [O, channels, 1, 1], got ${shapeText(mixing.shape)}`);
  }
  const plan = new OneStep(op);
  const input = checkFloat32(op, 'x', x);
  const value = plan.input('x', input, imageShape(op, 'x', input, spatial.layout), spatial.layout);
  const y = addConv(op, plan, mixing, addConv(op, plan, spatial, value, {}, 'depthwise'), o, 'pointwise');
  plan.output(y, callerShape(plan.shapeOf(y) as ImageShape, mixing.layout), mixing.layout);
  return plan.run(o)[0]!;
}
