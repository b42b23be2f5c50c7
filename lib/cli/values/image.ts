/** Pictures to tensors, decoded and resized by the optional package sharp. */
import type { Constant } from '../../graph/ir.js';
import { CommandError } from '../usage.js';
import { optional } from './optional.js';

export interface ImageOptions {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly resize?: { readonly width: number; readonly height: number };
  readonly fit?: 'stretch' | 'crop' | 'letterbox';
  readonly layout?: 'nchw' | 'nhwc';
  readonly bgr?: boolean;
}

interface Decoded {
  readonly data: Buffer;
  readonly info: { readonly width: number; readonly height: number; readonly channels: number };
}

/** The part of sharp that is used. */
interface Sharp {
  toColourspace(space: string): Sharp;
  removeAlpha(): Sharp;
  resize(options: object): Sharp;
  raw(): Sharp;
  toBuffer(options: { resolveWithObject: true }): Promise<Decoded>;
}
type SharpFunction = (file: string) => { rotate(): Sharp };

const fits = { stretch: 'fill', crop: 'cover', letterbox: 'contain' } as const;

/** What a letterbox is filled with, as is usual for detectors. */
const grey = { r: 114, g: 114, b: 114 };

type Extent = number | undefined;

/** Which order an input of four axes has: the one in which channels are 1, 3 or 4. */
function layoutOf(declared: readonly Extent[]): 'nchw' | 'nhwc' {
  const isChannels = (extent: Extent) => extent === 1 || extent === 3 || extent === 4;
  return isChannels(declared[3]) && !isChannels(declared[1]) ? 'nhwc' : 'nchw';
}

/** One number per channel. */
function perChannel(values: readonly number[], channels: number, name: string): readonly number[] {
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  if (values.length === channels) return values;
  throw new CommandError(`${name} has ${values.length} numbers, the picture ${channels} channels`);
}

/**
 * @param declared the input's extents, as far as they are known: they say size, channels and layout where the options do not
 * @param type of the input: uint8 takes the pixels as they are
 */
export async function readImage(
  file: string,
  declared: readonly Extent[],
  type: string,
  options: ImageOptions,
): Promise<Constant> {
  if (declared.length !== 4)
    throw new CommandError(`${file}: a picture fits an input of four axes, this one has ${declared.length}`);
  const sharp = await optional<SharpFunction>('sharp');
  if (!sharp) throw new CommandError(`${file}: pictures are read with the package sharp: npm install sharp`);
  const layout = options.layout ?? layoutOf(declared);
  const [, channels = 3, height, width] =
    layout === 'nchw' ? declared : [declared[0], declared[3], declared[1], declared[2]];
  if (channels !== 1 && channels !== 3)
    throw new CommandError(`${file}: a picture has 1 or 3 channels, the input ${channels} (is --layout right?)`);
  const target = options.resize ?? (width && height ? { width, height } : undefined);
  let picture = sharp(file)
    .rotate()
    .removeAlpha()
    .toColourspace(channels === 1 ? 'b-w' : 'srgb');
  if (target) picture = picture.resize({ ...target, fit: fits[options.fit ?? 'stretch'], background: grey });
  let decoded: Decoded;
  try {
    decoded = await picture.raw().toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw new CommandError(`${file}: ${(error as Error).message}`);
  }
  return arrange(decoded, channels, layout, type, options);
}

function arrange(
  { data: pixels, info }: Decoded,
  channels: number,
  layout: 'nchw' | 'nhwc',
  type: string,
  { mean = [0], std = [1], bgr }: ImageOptions,
): Constant {
  const { width, height } = info;
  const plane = width * height;
  const raw = type === 'uint8';
  const data = raw ? new Uint8Array(channels * plane) : new Float32Array(channels * plane);
  const means = perChannel(mean, channels, '--mean');
  const stds = perChannel(std, channels, '--std');
  for (let channel = 0; channel < channels; channel++) {
    const from = Math.min(bgr ? channels - 1 - channel : channel, info.channels - 1);
    const [start, step] = layout === 'nchw' ? [channel * plane, 1] : [channel, channels];
    for (let i = 0; i < plane; i++) {
      const pixel = pixels[i * info.channels + from]!;
      data[start + i * step] = raw ? pixel : (pixel / 255 - means[channel]!) / stds[channel]!;
    }
  }
  const shape = layout === 'nchw' ? [1, channels, height, width] : [1, height, width, channels];
  return { type: raw ? 'uint8' : 'float32', shape, data };
}
