/** Decoded pictures to tensors: what stands between an image decoder and the first layer. */
import { describe, shapeText } from './describe.js';
import { native } from './native.js';
import { callNative } from './native-error.js';
import { checkInteger, checkLayout, checkNumber, checkOptions, checkWord, type Layout } from './ops/options.js';
import { checkMemory, Tensor } from './tensor.js';

/** Both sides, or [height, width]. */
export type PictureSize = number | readonly [height: number, width: number];

export interface PixelOptions {
  /** Of the picture in the buffer, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Bytes per pixel: 1 (grey), 3 (RGB) or 4 (RGBA, whose alpha is left out). Default: what the buffer's length says. */
  readonly channels?: 1 | 3 | 4;
  /** [height, width] to stretch the picture to, or the length of its shorter side, the longer in proportion. */
  readonly resize?: PictureSize;
  /** Cuts this much out of the middle, after resizing. */
  readonly crop?: PictureSize;
  /** Scales the picture to fit into this size and centres it there; in place of `resize` and `crop`. */
  readonly letterbox?: PictureSize;
  /** Byte value around a letterboxed picture. Default 0. */
  readonly fill?: number;
  /** Order of the channels in the result. Default 'rgb'. */
  readonly order?: 'rgb' | 'bgr';
  /** What a byte is multiplied by, before mean and deviation. Default 1/255. */
  readonly scale?: number;
  /** Mean and standard deviation, for all channels or for each in the result's order; in units of the scaled values. Default 0 and 1. */
  readonly mean?: number | readonly number[];
  readonly std?: number | readonly number[];
  /** Layout of the result. Default 'nchw'. */
  readonly layout?: Layout;
}

const op = 'fromPixels';
const known = [
  'width',
  'height',
  'channels',
  'resize',
  'crop',
  'letterbox',
  'fill',
  'order',
  'scale',
  'mean',
  'std',
  'layout',
] as const;

/** 2^31 elements are 8 GiB. */
const maxElements = 2 ** 31;

type Size = readonly [height: number, width: number];

function checkSize(name: string, value: unknown): Size {
  if (!Array.isArray(value)) {
    const side = checkInteger(op, name, value, 1);
    return [side, side];
  }
  if (value.length !== 2) throw new RangeError(`${op}: ${name}: expected [height, width], got ${describe(value)}`);
  return [checkInteger(op, `${name}[0]`, value[0], 1), checkInteger(op, `${name}[1]`, value[1], 1)];
}

/** How large the picture becomes, how large the result is, and where in the scaled picture it begins. */
interface Framing {
  readonly scaled: Size;
  readonly out: Size;
  readonly top: number;
  readonly left: number;
}

const inProportion = (extent: number, ratio: number): number => Math.max(1, Math.round(extent * ratio));

function framingOf(width: number, height: number, { resize, crop, letterbox }: PixelOptions): Framing {
  if (letterbox !== undefined) {
    if (resize !== undefined || crop !== undefined)
      throw new TypeError(
        `${op}: letterbox: expected it alone, got it with ${resize === undefined ? 'crop' : 'resize'}`,
      );
    const out = checkSize('letterbox', letterbox);
    const ratio = Math.min(out[0] / height, out[1] / width);
    const scaled = [inProportion(height, ratio), inProportion(width, ratio)] as const;
    return { scaled, out, top: -Math.floor((out[0] - scaled[0]) / 2), left: -Math.floor((out[1] - scaled[1]) / 2) };
  }
  let scaled: Size = [height, width];
  if (resize !== undefined) {
    const [first, second] = checkSize('resize', resize);
    const ratio = first / Math.min(width, height);
    scaled = Array.isArray(resize) ? [first, second] : [inProportion(height, ratio), inProportion(width, ratio)];
  }
  if (crop === undefined) return { scaled, out: scaled, top: 0, left: 0 };
  const out = checkSize('crop', crop);
  if (out[0] > scaled[0] || out[1] > scaled[1])
    throw new RangeError(
      `${op}: crop: expected at most ${shapeText(scaled)}, the size of the picture, got ${shapeText(out)}`,
    );
  return { scaled, out, top: Math.floor((scaled[0] - out[0]) / 2), left: Math.floor((scaled[1] - out[1]) / 2) };
}

/** One finite number per channel of the result. */
function perChannel(name: string, value: unknown, count: number, fallback: number): number[] {
  if (value === undefined) return new Array<number>(count).fill(fallback);
  if (!Array.isArray(value)) return new Array<number>(count).fill(checkNumber(op, name, value));
  if (value.length !== count)
    throw new RangeError(
      `${op}: ${name}: expected one number or one for each of ${count} channels, got ${describe(value)}`,
    );
  return Array.from(value as unknown[], (item, i) => checkNumber(op, `${name}[${i}]`, item));
}

function checkPixels(
  pixels: unknown,
  width: number,
  height: number,
  given: unknown,
): { bytes: Uint8Array; channels: number } {
  if (!(pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray))
    throw new TypeError(`${op}: pixels: expected a Uint8Array or Uint8ClampedArray, got ${describe(pixels)}`);
  checkMemory(`${op}: pixels`, pixels as Uint8Array, null);
  const channels = given === undefined ? pixels.length / (width * height) : checkInteger(op, 'channels', given, 1, 4);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    if (given !== undefined) throw new RangeError(`${op}: channels: expected 1, 3 or 4, got ${describe(given)}`);
    const pixelCount = `${width}x${height}`;
    throw new RangeError(
      `${op}: pixels: expected 1, 3 or 4 bytes for each of ${pixelCount} pixels, got ${pixels.length} bytes`,
    );
  }
  const count = width * height * channels;
  if (pixels.length !== count)
    throw new RangeError(
      `${op}: pixels: expected ${count} bytes for ${width}x${height} pixels of ${channels}, got ${pixels.length}`,
    );
  return { bytes: new Uint8Array(pixels.buffer, pixels.byteOffset, count), channels };
}

/**
 * A decoded picture as the input of a network: resampled, cut or framed, and normalised, in one native walk over the rows.
 *
 * `y = (byte * scale - mean) / std`. Resampling is bilinear with half-pixel centres and, where it makes the picture smaller,
 * antialiased: each output pixel is the mean of the input under a triangle as wide as two output pixels, weights outside the
 * picture left out and the rest scaled to sum up to 1 (the `bilinear` of Pillow and of torchvision with `antialias`). Results
 * are not rounded to bytes in between.
 * @param pixels rows from the top, pixels from the left, channels together: what sharp's `raw()` or a canvas' `getImageData` gives
 * @returns float32 [1, C, H, W], or [1, H, W, C] with layout 'nhwc'; C is 1 for grey pictures, else 3
 * @throws TypeError for options or memory of a wrong kind (shared or resizable, too); RangeError where the length is not
 *   width * height * channels, a crop is larger than the picture, or a deviation is 0
 */
export function fromPixels(pixels: Uint8Array | Uint8ClampedArray, options: PixelOptions): Tensor {
  const given = checkOptions(op, options, known);
  const width = checkInteger(op, 'width', given.width, 1);
  const height = checkInteger(op, 'height', given.height, 1);
  const { bytes, channels } = checkPixels(pixels, width, height, given.channels);
  const { scaled, out, top, left } = framingOf(width, height, given);
  const count = channels === 1 ? 1 : 3;
  const reversed = given.order !== undefined && checkWord(op, 'order', given.order, ['rgb', 'bgr']) === 'bgr';
  const scale = given.scale === undefined ? 1 / 255 : checkNumber(op, 'scale', given.scale);
  const fill = given.fill === undefined ? 0 : checkNumber(op, 'fill', given.fill);
  const mean = perChannel('mean', given.mean, count, 0);
  const std = perChannel('std', given.std, count, 1);
  const zero = std.indexOf(0);
  if (zero >= 0) throw new RangeError(`${op}: std[${zero}]: expected a number other than 0, got 0`);
  const channelsLast = checkLayout(op, given.layout) === 'nhwc';
  const elements = out[0] * out[1] * count;
  if (elements > maxElements)
    throw new RangeError(`${op}: expected a result of at most 2^31 elements, got ${shapeText([1, count, ...out])}`);

  const data = new Float32Array(elements);
  const order = [0, 1, 2].slice(0, count);
  const spec = {
    width,
    height,
    channels,
    scaledWidth: scaled[1],
    scaledHeight: scaled[0],
    outWidth: out[1],
    outHeight: out[0],
    left,
    top,
    order: reversed ? order.reverse() : order,
    scale: std.map((deviation) => scale / deviation),
    shift: mean.map((value, c) => -value / std[c]!),
    fill,
    channelsLast,
  };
  callNative(op, () => native.convertPixels(bytes, spec, data));
  return new Tensor('float32', data, channelsLast ? [1, ...out, count] : [1, count, ...out]);
}
