/** Pooling over windows and over whole images. */
import { shapeText } from '../describe.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { callerShape, type ImageShape, imageShape } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkFlag, checkLayout, checkOptions, checkPair, type Layout } from './options.js';
import { checkWindow, reachOf, slide, type WindowOptions, windowNames } from './window.js';

export interface Pool2dOptions extends Omit<WindowOptions, 'stride'>, OperatorOptions {
  /** Step between windows, for both axes or [h, w] (default: the kernel, so that windows tile the image). */
  readonly stride?: number | readonly [number, number] | undefined;
  /** Rounds the number of windows up; one that would start behind the input is dropped (default false). */
  readonly ceilMode?: boolean | undefined;
  /** Of x and the result (default 'nchw'). */
  readonly layout?: Layout | undefined;
}

export interface AvgPool2dOptions extends Pool2dOptions {
  /** Divides by all taps, also those on the border (default false, as in ONNX). */
  readonly countIncludePad?: boolean | undefined;
}

const names = [...windowNames, 'ceilMode', 'layout', ...operatorNames] as const;

function pool(op: string, kind: 'max' | 'avg', x: unknown, kernel: unknown, o: AvgPool2dOptions): Tensor {
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const [n, channels, h, w] = imageShape(op, 'x', input, layout);
  if (kernel === undefined) throw new TypeError(`${op}: kernel: expected a number or [h, w], got undefined`);
  const extents = checkPair(op, 'kernel', kernel, 1, 1);
  const window = checkWindow(op, extents, o, extents);
  const countIncludePad = checkFlag(op, 'countIncludePad', o.countIncludePad);
  const { pads, output } = slide(op, window, [h, w], checkFlag(op, 'ceilMode', o.ceilMode));
  // Otherwise a window could lie on the border alone and have no maximum and no mean.
  if (pads.some((pad, side) => pad >= reachOf(window, side % 2 === 0 ? 0 : 1))) {
    throw new RangeError(
      `${op}: padding: expected less than the kernel (${shapeText(extents)}), got ${shapeText(pads)}`,
    );
  }
  const plan = new OneStep(op);
  const shape: ImageShape = [n, channels, ...output];
  const y = plan.value('y', shape);
  const { kernel: taps, strides, dilations } = window;
  plan.step({
    op: 'pool2d',
    inputs: [plan.input('x', input, [n, channels, h, w], layout)],
    outputs: [y],
    kind,
    kernel: taps,
    strides,
    dilations,
    pads,
    countIncludePad,
  });
  plan.output(y, callerShape(shape, layout), layout);
  plan.work = n * channels * output[0] * output[1] * taps[0] * taps[1];
  return plan.run(o)[0]!;
}

/**
 * The maximum of each window; the border never wins, NaN does.
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param kernel extents of the window: one for both axes or [h, w]
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when no window fits, or the padding is as large as the kernel
 */
export function maxPool2d(x: Tensor, kernel: number | readonly [number, number], options?: Pool2dOptions): Tensor {
  return pool('maxPool2d', 'max', x, kernel, checkOptions('maxPool2d', options, names));
}

/**
 * The mean of each window.
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @param kernel extents of the window: one for both axes or [h, w]
 * @throws TypeError, RangeError as {@link maxPool2d}
 */
export function avgPool2d(x: Tensor, kernel: number | readonly [number, number], options?: AvgPool2dOptions): Tensor {
  return pool('avgPool2d', 'avg', x, kernel, checkOptions('avgPool2d', options, [...names, 'countIncludePad']));
}

export interface GlobalPoolOptions extends OperatorOptions {
  /** Of x and the result (default 'nchw'). */
  readonly layout?: Layout | undefined;
}

function globalPool(op: string, kind: 'max' | 'avg', x: unknown, options: GlobalPoolOptions | undefined): Tensor {
  const o = checkOptions(op, options, ['layout', ...operatorNames]);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const shape = imageShape(op, 'x', input, layout);
  if (shape[2] * shape[3] === 0)
    throw new RangeError(`${op}: x: expected images with pixels, got shape ${shapeText(input.shape)}`);
  const plan = new OneStep(op);
  const result: ImageShape = [shape[0], shape[1], 1, 1];
  const y = plan.value('y', result);
  plan.step({ op: 'globalPool', inputs: [plan.input('x', input, shape, layout)], outputs: [y], kind });
  plan.output(y, callerShape(result, layout), layout);
  return plan.run(o)[0]!;
}

/**
 * The mean of each channel of each image: [N, C, 1, 1], or [N, 1, 1, C] with `layout: 'nhwc'`.
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when x is not of rank 4 or its images have no pixels
 */
export const globalAvgPool = (x: Tensor, options?: GlobalPoolOptions): Tensor =>
  globalPool('globalAvgPool', 'avg', x, options);

/**
 * The maximum of each channel of each image: [N, C, 1, 1], or [N, 1, 1, C] with `layout: 'nhwc'`.
 * @throws TypeError, RangeError as {@link globalAvgPool}
 */
export const globalMaxPool = (x: Tensor, options?: GlobalPoolOptions): Tensor =>
  globalPool('globalMaxPool', 'max', x, options);
