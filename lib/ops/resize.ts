/** Resizing of images. */
import { describe, shapeText } from '../describe.js';
import type { Pair, Resize2dStep } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { callerShape, type ImageShape, imageShape } from './layout.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkLayout, checkNumber, checkOptions, checkPair, checkWord, type Layout } from './options.js';

export type ResizeCoordinates = 'halfPixel' | 'halfPixelSymmetric' | 'pytorchHalfPixel' | 'alignCorners' | 'asymmetric';
export type ResizeRounding = 'roundPreferFloor' | 'roundPreferCeil' | 'floor' | 'ceil';

export interface Resize2dOptions extends OperatorOptions {
  /** Extents of the result, [h, w]. Either this or `scale`. */
  readonly size?: readonly [number, number] | undefined;
  /** Factor of the extents, for both axes or [h, w]; the result has floor(extent * scale). */
  readonly scale?: number | readonly [number, number] | undefined;
  /** 'nearest' (default) or 'linear' (bilinear). */
  readonly mode?: 'nearest' | 'linear' | undefined;
  /** How a position of the result maps to one of x, named as in ONNX Resize (default 'halfPixel'). */
  readonly coordinates?: ResizeCoordinates | undefined;
  /** How 'nearest' rounds a position (default 'roundPreferFloor'). 'asymmetric' with 'floor' repeats pixels. */
  readonly rounding?: ResizeRounding | undefined;
  /** Of x and the result (default 'nchw'). */
  readonly layout?: Layout | undefined;
}

const coordinates: Readonly<Record<ResizeCoordinates, Resize2dStep['coordinates']>> = {
  halfPixel: 'half_pixel',
  halfPixelSymmetric: 'half_pixel_symmetric',
  pytorchHalfPixel: 'pytorch_half_pixel',
  alignCorners: 'align_corners',
  asymmetric: 'asymmetric',
};

const roundings: Readonly<Record<ResizeRounding, Resize2dStep['rounding']>> = {
  roundPreferFloor: 'round_prefer_floor',
  roundPreferCeil: 'round_prefer_ceil',
  floor: 'floor',
  ceil: 'ceil',
};

const keys = <K extends string>(table: Readonly<Record<K, string>>): readonly K[] => Object.keys(table) as K[];

function checkScale(op: string, value: unknown): Pair {
  const both = Array.isArray(value) ? value : [value, value];
  if (both.length !== 2) throw new RangeError(`${op}: scale: expected a number or [h, w], got ${describe(value)}`);
  const [h, w] = both.map((factor: unknown) => checkNumber(op, 'scale', factor)) as [number, number];
  if (h <= 0 || w <= 0) throw new RangeError(`${op}: scale: expected positive numbers, got ${describe(value)}`);
  return [h, w];
}

/**
 * Images of another size, by the nearest pixel or by linear interpolation along both axes (ONNX Resize).
 *
 * @param x [N, C, H, W], or [N, H, W, C] with `layout: 'nhwc'`
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when neither or both of size and scale are given, the result would be empty, or x has no pixels
 */
export function resize2d(x: Tensor, options: Resize2dOptions): Tensor {
  const op = 'resize2d';
  const o = checkOptions(op, options, ['size', 'scale', 'mode', 'coordinates', 'rounding', 'layout', ...operatorNames]);
  const layout = checkLayout(op, o.layout);
  const input = checkFloat32(op, 'x', x);
  const shape = imageShape(op, 'x', input, layout);
  const [n, channels, h, w] = shape;
  if ((o.size === undefined) === (o.scale === undefined))
    throw new RangeError(`${op}: expected either size or scale, got ${o.size === undefined ? 'neither' : 'both'}`);
  if (h * w === 0) throw new RangeError(`${op}: x: expected images with pixels, got shape ${shapeText(input.shape)}`);
  const factor = o.scale === undefined ? undefined : checkScale(op, o.scale);
  const size: Pair = factor
    ? [Math.floor(h * factor[0]), Math.floor(w * factor[1])]
    : checkPair(op, 'size', o.size, 1, 1);
  if (size[0] < 1 || size[1] < 1 || size[0] * size[1] > 2 ** 36) {
    throw new RangeError(
      `${op}: ${factor ? 'scale' : 'size'}: expected a result of 1 x 1 to 2^36 pixels, got ${size.join(' x ')}`,
    );
  }
  const plan = new OneStep(op);
  const result: ImageShape = [n, channels, ...size];
  const y = plan.value('y', result);
  plan.step({
    op: 'resize2d',
    inputs: [plan.input('x', input, shape, layout)],
    outputs: [y],
    mode: o.mode === undefined ? 'nearest' : checkWord(op, 'mode', o.mode, ['nearest', 'linear']),
    coordinates:
      coordinates[
        o.coordinates === undefined ? 'halfPixel' : checkWord(op, 'coordinates', o.coordinates, keys(coordinates))
      ],
    rounding:
      roundings[o.rounding === undefined ? 'roundPreferFloor' : checkWord(op, 'rounding', o.rounding, keys(roundings))],
    scales: factor ?? [size[0] / h, size[1] / w],
  });
  plan.output(y, callerShape(result, layout), layout);
  return plan.run(o)[0]!;
}
