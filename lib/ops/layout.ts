/** Between the caller's shapes and the plan's, which are always [N, C, ...]. */
import { shapeText } from '../describe.js';
import type { Tensor } from '../tensor.js';
import type { Layout } from './options.js';

export type ImageShape = readonly [n: number, c: number, h: number, w: number];

/** [N, C, H, W] of a tensor of images. */
export function imageShape(op: string, name: string, { shape }: Tensor, layout: Layout): ImageShape {
  const words = layout === 'nchw' ? '[N, C, H, W]' : '[N, H, W, C]';
  if (shape.length !== 4)
    throw new RangeError(`${op}: ${name}: expected rank 4 ${words}, got shape ${shapeText(shape)}`);
  const [n, b, c, d] = shape as ImageShape;
  return layout === 'nchw' ? [n, b, c, d] : [n, d, b, c];
}

/** A plan's image shape as the caller's tensor has it. */
export const callerShape = ([n, c, h, w]: ImageShape, layout: Layout): readonly number[] =>
  layout === 'nchw' ? [n, c, h, w] : [n, h, w, c];

/** A tensor of any rank from 2 on whose channels are axis 1, or the last: as the plan sees it. */
export function channelShape(op: string, name: string, { shape }: Tensor, layout: Layout): readonly number[] {
  if (shape.length < 2)
    throw new RangeError(`${op}: ${name}: expected rank 2 or more, with a channel axis, got shape ${shapeText(shape)}`);
  if (layout === 'nchw' || shape.length === 2) return shape;
  const middle = shape.slice(1, -1);
  const [h, w] =
    middle.length === 2 ? (middle as [number, number]) : [1, middle.reduce((product, extent) => product * extent, 1)];
  return [shape[0]!, shape.at(-1)!, h, w];
}

/** The port layout of a value with this plan shape: only images have two. */
export const portLayout = (shape: readonly number[], layout: Layout): Layout => (shape.length === 4 ? layout : 'nchw');
