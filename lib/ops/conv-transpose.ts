/** Transposed convolution. */
import { shapeText } from '../describe.js';
import type { Pads, Pair } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import {
  addEpilogue,
  checkEpilogue,
  type EpilogueOptions,
  type EpilogueTensors,
  epilogueNames,
  epilogueTensorNames,
} from './epilogue.js';
import { callerShape, type ImageShape, imageShape } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkInteger, checkLayout, checkOptions, checkPadding, checkPair, checkRank, type Layout } from './options.js';
import { checkWindow, reachOf, type WindowOptions, windowNames } from './window.js';

export interface ConvTranspose2dOptions extends WindowOptions, EpilogueOptions, EpilogueTensors, OperatorOptions {
  /** Rows and columns added at the bottom and right of the result, fewer than stride or dilation (default 0). */
  readonly outputPadding?: number | readonly [number, number] | undefined;
  /** The number of groups; divides input and output channels (default 1). */
  readonly groups?: number | undefined;
  /** Of x, residual, gate and the result (default 'nchw'). */
  readonly layout?: Layout | undefined;
}

const names = [
  ...windowNames,
  ...epilogueNames,
  ...epilogueTensorNames,
  ...operatorNames,
  'outputPadding',
  'groups',
  'layout',
] as const;

/** More pixels than this are refused before they are multiplied with channels. */
const maxPixels = 2 ** 36;

/**
 * Transposed convolution, the backward-data pass of a convolution as a layer:
 * `y[n,o,i*s - p + u*d, j*s - p + v*d] += x[n,c,i,j] * weight[c,o,u,v]`, then bias and epilogue as in {@link conv2d}.
 * `padding` crops the result; 'same' crops it to stride times the input. Its kernels' uneven overlap makes checkerboards
 * unless the stride divides the kernel (Odena, Dumoulin, Olah, Distill 2016).
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param weight [C, O/groups, KH, KW] in both layouts
 * @returns [N, O, OH, OW] in the layout of x, OH = (H-1)s - top - bottom + d(KH-1) + 1 + outputPadding
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when shapes do not fit together or the result would be empty
 */
export function convTranspose2d(x: Tensor, weight: Tensor, options?: ConvTranspose2dOptions): Tensor {
  const op = 'convTranspose2d';
  const o = checkOptions(op, options, names);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const [n, channels, h, w] = imageShape(op, 'x', input, layout);
  const weights = checkFloat32(op, 'weight', weight);
  checkRank(op, 'weight', weights, 4, '[C, O / groups, KH, KW]');
  const [inputs, groupOutputs, kh, kw] = weights.shape as ImageShape;
  if (weights.size === 0)
    throw new RangeError(`${op}: weight: expected extents of at least 1, got ${shapeText(weights.shape)}`);
  if (inputs !== channels)
    throw new RangeError(`${op}: weight: expected ${channels} input channels (axis 0), got ${inputs}`);
  const groups = checkInteger(op, 'groups', o.groups ?? 1, 1);
  if (channels % groups !== 0)
    throw new RangeError(`${op}: groups: expected a divisor of the ${channels} input channels, got ${groups}`);

  const window = checkWindow(op, [kh, kw], o);
  const { strides, dilations } = window;
  const extra = checkPair(op, 'outputPadding', o.outputPadding, 0, 0);
  const full = (axis: 0 | 1): number => strides[axis] * ([h, w][axis]! - 1) + reachOf(window, axis) + extra[axis];
  // Where the kernel is smaller than the stride, 'same' adds empty rows instead of cropping.
  const wanted: Pair | undefined = o.padding === 'same' ? [h * strides[0], w * strides[1]] : undefined;
  const crop = (axis: 0 | 1): number => Math.max(0, full(axis) - wanted![axis]);
  const pads: Pads = checkPadding(op, o.padding, () => [
    Math.floor(crop(0) / 2),
    Math.floor(crop(1) / 2),
    Math.ceil(crop(0) / 2),
    Math.ceil(crop(1) / 2),
  ]);
  for (const axis of [0, 1] as const) {
    if (extra[axis] >= Math.max(strides[axis], dilations[axis])) {
      throw new RangeError(`${op}: outputPadding: expected less than stride or dilation, got ${shapeText(extra)}`);
    }
  }
  const output: Pair = wanted ?? [full(0) - pads[0] - pads[2], full(1) - pads[1] - pads[3]];
  if (h < 1 || w < 1 || output[0] < 1 || output[1] < 1) {
    throw new RangeError(
      `${op}: x: expected an image with a result of at least 1 x 1, got ${h} x ${w}, which gives ${output.join(' x ')}`,
    );
  }
  if (output[0] * output[1] > maxPixels)
    throw new RangeError(`${op}: x: expected a result of at most 2^36 pixels, got ${output.join(' x ')}`);

  const shape: ImageShape = [n, groupOutputs * groups, ...output];
  const epilogue = checkEpilogue(op, o, shape[1]);
  const plan = new OneStep(op);
  const operands = [
    plan.input('x', input, [n, channels, h, w], layout),
    plan.constant('weight', weights.data, weights.shape),
  ];
  const finish = addEpilogue(op, plan, epilogue, o, shape, layout);
  const y = plan.value('y', shape);
  plan.output(y, callerShape(shape, layout), layout);
  plan.step({ op: 'convTranspose2d', inputs: operands, outputs: [y], strides, dilations, pads, groups, ...finish });
  plan.work = n * h * w * weights.size;
  return plan.run(o)[0]!;
}
