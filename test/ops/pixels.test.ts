/** Pictures to tensors, against the definition written out in double. */
import test from 'ava';
import sharp from 'sharp';
import { fromPixels, type PixelOptions } from '#lib/pixels.js';

/** Reproducible bytes. */
function noise(count: number, seed = 1): Uint8Array {
  let state = seed * 2654435761;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Weights of every input position for one output position. */
function weights(extent: number, scaled: number, position: number): number[] {
  const step = extent / scaled;
  const centre = (position + 0.5) * step;
  const all = Array.from({ length: extent }, (_, i) => Math.max(0, 1 - Math.abs(i + 0.5 - centre) / Math.max(1, step)));
  const sum = all.reduce((total, weight) => total + weight, 0);
  return all.map((weight) => weight / sum);
}

interface Frame {
  readonly scaled: readonly [height: number, width: number];
  readonly out: readonly [height: number, width: number];
  readonly top: number;
  readonly left: number;
}

/** The definition, pixel by pixel. */
function reference(
  pixels: Uint8Array,
  options: PixelOptions,
  channels: number,
  { scaled, out, top, left }: Frame,
): Float64Array {
  const { width, height, fill = 0, scale = 1 / 255, mean = 0, std = 1, order = 'rgb', layout = 'nchw' } = options;
  const count = channels === 1 ? 1 : 3;
  const of = (value: number | readonly number[], c: number) => (typeof value === 'number' ? value : value[c]!);
  const result = new Float64Array(count * out[0] * out[1]);
  for (let y = 0; y < out[0]; y++) {
    for (let x = 0; x < out[1]; x++) {
      const [sy, sx] = [y + top, x + left];
      const inside = sy >= 0 && sy < scaled[0] && sx >= 0 && sx < scaled[1];
      const down = inside ? weights(height, scaled[0], sy) : [];
      const across = inside ? weights(width, scaled[1], sx) : [];
      for (let c = 0; c < count; c++) {
        const source = order === 'bgr' ? count - 1 - c : c;
        let byte = inside ? 0 : fill;
        for (const [j, v] of down.entries())
          for (const [i, h] of across.entries()) byte += v * h * pixels[(j * width + i) * channels + source]!;
        const index = layout === 'nhwc' ? (y * out[1] + x) * count + c : (c * out[0] + y) * out[1] + x;
        result[index] = (byte * scale - of(mean, c)) / of(std, c);
      }
    }
  }
  return result;
}

type Case = readonly [options: PixelOptions, channels: 1 | 3 | 4, frame: Frame];
const whole = (height: number, width: number): Frame => ({
  scaled: [height, width],
  out: [height, width],
  top: 0,
  left: 0,
});

const cases: Record<string, Case> = {
  'as it is': [{ width: 5, height: 3 }, 3, whole(3, 5)],
  'grey, one pixel': [{ width: 1, height: 1 }, 1, whole(1, 1)],
  'one pixel made large': [{ width: 1, height: 1, resize: [3, 4] }, 4, whole(3, 4)],
  'made one pixel': [{ width: 7, height: 9, resize: [1, 1] }, 3, whole(1, 1)],
  'alpha left out, BGR': [{ width: 4, height: 2, order: 'bgr' }, 4, whole(2, 4)],
  'grey in any order': [{ width: 4, height: 2, order: 'bgr' }, 1, whole(2, 4)],
  upscaled: [{ width: 5, height: 4, resize: [11, 13] }, 3, whole(11, 13)],
  downscaled: [{ width: 31, height: 23, resize: [7, 5] }, 3, whole(7, 5)],
  'down one way, up the other': [{ width: 17, height: 6, resize: [13, 4] }, 4, whole(13, 4)],
  'by the shorter side': [{ width: 10, height: 7, resize: 5 }, 3, whole(5, 7)],
  'by the shorter side, upright': [{ width: 7, height: 10, resize: 14 }, 3, whole(20, 14)],
  'cut out': [{ width: 9, height: 6, crop: [3, 4] }, 3, { scaled: [6, 9], out: [3, 4], top: 1, left: 2 }],
  'resized and cut out': [
    { width: 20, height: 15, resize: 8, crop: 6 },
    3,
    { scaled: [8, 11], out: [6, 6], top: 1, left: 2 },
  ],
  'letterboxed, wide': [
    { width: 12, height: 5, letterbox: 9, fill: 114 },
    3,
    { scaled: [4, 9], out: [9, 9], top: -2, left: 0 },
  ],
  'letterboxed, high, up': [
    { width: 3, height: 5, letterbox: [10, 16] },
    4,
    { scaled: [10, 6], out: [10, 16], top: 0, left: -5 },
  ],
  normalised: [{ width: 6, height: 5, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }, 3, whole(5, 6)],
  'one mean and deviation, no scale': [{ width: 6, height: 5, scale: 1, mean: 127.5, std: 127.5 }, 3, whole(5, 6)],
};

for (const [name, [options, channels, frame]] of Object.entries(cases)) {
  for (const layout of ['nchw', 'nhwc'] as const) {
    test(`${name}, ${layout}`, (t) => {
      const given = { ...options, layout };
      const pixels = noise(options.width * options.height * channels);
      const { shape, data } = fromPixels(pixels, given);
      const count = channels === 1 ? 1 : 3;
      t.deepEqual(shape, layout === 'nhwc' ? [1, ...frame.out, count] : [1, count, ...frame.out]);
      const expected = reference(pixels, given, channels, frame);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      t.true(
        expected.every((value, i) => Math.abs(value - data[i]!) < 2e-6 * largest),
        `${[...data.slice(0, 4)]} for ${[...expected.slice(0, 4)]}`,
      );
      // The kind of array, and where it begins in its buffer, do not matter.
      const view = new Uint8ClampedArray(pixels.length + 3).subarray(3);
      view.set(pixels);
      t.deepEqual(fromPixels(view, { ...given, channels }).data, data);
      t.deepEqual(fromPixels(Buffer.from(pixels), given).data, data);
    });
  }
}

test('a picture as sharp decodes it', async (t) => {
  const width = 12;
  const height = 10;
  const pixels = noise(width * height * 3, 4);
  const { data, info } = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
    .then((png) => sharp(png).raw().toBuffer({ resolveWithObject: true }));
  const { data: values } = fromPixels(data, { width: info.width, height: info.height, scale: 1, layout: 'nhwc' });
  t.deepEqual([...values], [...pixels]);
});

const rgb = { width: 2, height: 3 };
const bytes = noise(18);
const bad: Record<
  string,
  [pixels: unknown, options: unknown, type: typeof TypeError | typeof RangeError, message: RegExp]
> = {
  'no pixels': [undefined, rgb, TypeError, /pixels: expected a Uint8Array or Uint8ClampedArray, got undefined/],
  floats: [new Float32Array(18), rgb, TypeError, /pixels: expected a Uint8Array/],
  'shared memory': [new Uint8Array(new SharedArrayBuffer(18)), rgb, TypeError, /SharedArrayBuffer/],
  'no options': [bytes, undefined, TypeError, /width: expected an integer, got undefined/],
  'a misspelt option': [
    bytes,
    { ...rgb, letterBox: 3 },
    TypeError,
    /unknown option 'letterBox': did you mean 'letterbox'/,
  ],
  'no width': [bytes, { ...rgb, width: 0 }, RangeError, /width: expected an integer of at least 1, got 0/],
  'half a row': [bytes, { ...rgb, height: 1.5 }, RangeError, /height: expected an integer/],
  'two channels': [new Uint8Array(12), rgb, RangeError, /1, 3 or 4 bytes for each of 2x3 pixels, got 12 bytes/],
  'two channels, said so': [
    new Uint8Array(12),
    { ...rgb, channels: 2 },
    RangeError,
    /channels: expected 1, 3 or 4, got 2/,
  ],
  'another length': [bytes, { ...rgb, channels: 4 }, RangeError, /expected 24 bytes for 2x3 pixels of 4, got 18/],
  'nothing left': [bytes, { ...rgb, resize: 0 }, RangeError, /resize: expected an integer of at least 1/],
  'three sides': [
    bytes,
    { ...rgb, resize: [1, 2, 3] },
    RangeError,
    /resize: expected \[height, width\], got \[1, 2, 3\]/,
  ],
  'a crop that does not fit': [bytes, { ...rgb, crop: [3, 3] }, RangeError, /crop: expected at most \[3, 2\]/],
  'two framings': [
    bytes,
    { ...rgb, crop: 1, letterbox: 3 },
    TypeError,
    /letterbox: expected it alone, got it with crop/,
  ],
  'too much': [bytes, { ...rgb, resize: [2 ** 20, 2 ** 20] }, RangeError, /at most 2\^31 elements/],
  'an order': [bytes, { ...rgb, order: 'gbr' }, RangeError, /order: expected one of rgb, bgr, got 'gbr'/],
  'a layout': [bytes, { ...rgb, layout: 'hwc' }, RangeError, /layout: expected one of nchw, nhwc/],
  means: [
    bytes,
    { ...rgb, mean: [1, 2] },
    RangeError,
    /mean: expected one number or one for each of 3 channels, got \[1, 2\]/,
  ],
  'a mean': [bytes, { ...rgb, mean: [1, 2, Number.NaN] }, RangeError, /mean\[2\]: expected a finite number/],
  'no deviation': [bytes, { ...rgb, std: [1, 0, 1] }, RangeError, /std\[1\]: expected a number other than 0/],
  'a fill': [bytes, { ...rgb, fill: 'black' }, TypeError, /fill: expected a number, got 'black'/],
};
for (const [name, [pixels, options, instanceOf, message]] of Object.entries(bad)) {
  test(`bad: ${name}`, (t) => {
    t.throws(() => fromPixels(pixels as Uint8Array, options as PixelOptions), { instanceOf, message });
  });
}

test('detached pixels', (t) => {
  const pixels = noise(18);
  structuredClone(pixels.buffer, { transfer: [pixels.buffer as ArrayBuffer] });
  t.throws(() => fromPixels(pixels, rgb), { message: /pixels: expected/ });
});
