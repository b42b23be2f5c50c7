/** The arithmetic of windows that slide over images. */
import { shapeText } from '../describe.js';
import type { Pads, Pair } from '../graph/plan-spec.js';
import { checkPadding, checkPair, type Padding } from './options.js';

export interface WindowOptions {
  /** Step between windows, for both axes or [h, w] (default 1). */
  readonly stride?: number | readonly [number, number] | undefined;
  /** Border added on each side (default 0). */
  readonly padding?: Padding | undefined;
  /** Distance between taps, for both axes or [h, w] (default 1). */
  readonly dilation?: number | readonly [number, number] | undefined;
}

export const windowNames = ['stride', 'padding', 'dilation'] as const;

export interface Window {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly padding: Padding | undefined;
}

/** How far a window reaches along an axis. */
export const reachOf = ({ kernel, dilations }: Window, axis: 0 | 1): number => dilations[axis] * (kernel[axis] - 1) + 1;

export function checkWindow(op: string, kernel: Pair, options: WindowOptions, defaultStride: Pair = [1, 1]): Window {
  const window: Window = {
    kernel,
    strides: options.stride === undefined ? defaultStride : checkPair(op, 'stride', options.stride, 1, 1),
    dilations: checkPair(op, 'dilation', options.dilation, 1, 1),
    padding: options.padding,
  };
  // Faults of the padding show here, before a prepared operator has seen any input.
  checkPadding(op, options.padding, () => [0, 0, 0, 0]);
  return window;
}

/** What has to be added over both ends of an axis so that `ceil(extent/stride)` windows fit. */
function samePads(window: Window, extent: number, axis: 0 | 1): [begin: number, end: number] {
  const windows = Math.ceil(extent / window.strides[axis]);
  const total = Math.max(0, (windows - 1) * window.strides[axis] + reachOf(window, axis) - extent);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Padded images above this many pixels are refused before their sizes are multiplied with channels. */
const maxPixels = 2 ** 36;

export interface Slide {
  readonly pads: Pads;
  readonly output: Pair;
}

/**
 * `floor((extent + padding - reach) / stride) + 1` windows per axis, T11 of the convolution arithmetic.
 * @throws RangeError when no window fits into the padded input
 */
export function slide(op: string, window: Window, [h, w]: Pair, ceil = false): Slide {
  const pads = checkPadding(op, window.padding, () => {
    const [top, bottom] = samePads(window, h, 0);
    const [left, right] = samePads(window, w, 1);
    return [top, left, bottom, right];
  });
  const [top, left, bottom, right] = pads;
  const padded: Pair = [h + top + bottom, w + left + right];
  if (padded[0] * padded[1] > maxPixels)
    throw new RangeError(`${op}: padding: expected a padded input of at most 2^36 pixels, got ${padded.join(' x ')}`);
  const reach: Pair = [reachOf(window, 0), reachOf(window, 1)];
  if (h < 1 || w < 1 || padded[0] < reach[0] || padded[1] < reach[1]) {
    const dilated = window.dilations.some((dilation) => dilation > 1) ? ` (${reach.join(' x ')} dilated)` : '';
    throw new RangeError(
      `${op}: x: expected an image into which a kernel of ${window.kernel.join(' x ')}${dilated} fits, got ${h} x ${w} with padding ${shapeText(pads)}`,
    );
  }
  const begins: Pair = [top, left];
  const along = (axis: 0 | 1): number => {
    const stride = window.strides[axis];
    const room = padded[axis] - reach[axis];
    if (!ceil) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // A last window that would start in the border behind the input is dropped.
    return (count - 1) * stride >= [h, w][axis]! + begins[axis] ? count - 1 : count;
  };
  return { pads, output: [along(0), along(1)] };
}
