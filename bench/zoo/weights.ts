/**
 * Seeded weights. Every tensor has a stream of its own, keyed by the seed and the tensor's name, so that adding a layer
 * leaves the weights of all others as they were.
 *
 * Normal deviates are sums of four 16-bit uniforms (Irwin-Hall) rather than Box-Muller: integer arithmetic gives the same
 * bytes on every machine, where `Math.log` and `Math.cos` may not, and VGG-16's 138 M weights take a second.
 */

/** How the elements of one float32 tensor are drawn, as data: it is part of the cache key of a generated file. */
export interface Draw {
  readonly kind: DrawKind;
  /** Standard deviation, or the typical magnitude for the kinds that are not normal. */
  readonly scale: number;
  /** Added to every element. */
  readonly offset?: number;
  /** Of a running mean: the filters of the convolution before, and the mean of what goes into it. */
  readonly follows?: { readonly filters: string; readonly inputMean: number };
}

export type DrawKind = 'normal' | 'centred' | 'gamma' | 'beta' | 'mean' | 'variance';

/** Mean and standard deviation of the sum of four uniform integers in [0, 65535]. */
const SUM_MEAN = 2 * 65535;
const SUM_DEVIATION = Math.sqrt((65536 * 65536 - 1) / 3);

/** A trained batch norm has some channels that flip the sign, some that hardly count, and some that are all but dead. */
const isFlipped = (channel: number) => channel % 17 === 3;
const isFaint = (channel: number) => channel % 23 === 5;
const isDead = (channel: number) => channel % 29 === 7;

/** A dead channel's deviation: small enough that epsilon (1e-5 or 1e-3) decides the result. */
const DEAD_DEVIATION = 0.03;

type Fill = (data: Float32Array, scale: number, random: RandomStream, rowLength: number) => void;

const fills: Record<DrawKind, Fill> = {
  normal: (data, scale, random) => random.fillNormal(data, scale),

  /**
   * Normal, with the mean of each row (one filter) taken off. Rectified features are all positive: without this, layer
   * after layer hands on more of their mean and less of the image, until logits of different images are nearly equal.
   */
  centred(data, scale, random, rowLength) {
    random.fillNormal(data, scale);
    for (let start = 0; start < data.length; start += rowLength) {
      const mean = rowSum(data, start, rowLength) / rowLength;
      for (let i = start; i < start + rowLength; i++) data[i]! -= mean;
    }
  },

  gamma(data, scale, random) {
    random.fillNormal(data, 0.25);
    for (let c = 0; c < data.length; c++) {
      const size = scale * (1 + data[c]!) * (isFaint(c) ? 0.05 : 1);
      // A dead channel's gamma shrinks with its deviation, as under weight decay; otherwise it would be blown up.
      data[c] = (isFlipped(c) ? -size : size) * (isDead(c) ? DEAD_DEVIATION : 1);
    }
  },

  beta: (data, scale, random) => random.fillNormal(data, 0.2 * scale),

  mean: (data, scale, random) => random.fillNormal(data, 0.2 * scale),

  /** `scale` is the standard deviation that the normalised signal is expected to have. */
  variance(data, scale, random) {
    for (let c = 0; c < data.length; c++) {
      const deviation = scale * (isDead(c) ? DEAD_DEVIATION : 1);
      data[c] = deviation * deviation * (0.5 + random.uniform());
    }
  },
};

/** One float tensor of a file. */
export interface DrawnTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly draw: Draw;
}

/** Draws the tensors in order; one that follows another must come after it. */
export function drawTensors(tensors: readonly DrawnTensor[], seed: number): Map<string, Float32Array> {
  const drawn = new Map<string, Float32Array>();
  for (const { name, dims, draw } of tensors) {
    const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
    fills[draw.kind](data, draw.scale, new RandomStream(seed, name), data.length / dims[0]!);
    if (draw.offset) for (let i = 0; i < data.length; i++) data[i]! += draw.offset;
    if (draw.follows) {
      const filters = drawn.get(draw.follows.filters)!;
      const rowLength = filters.length / data.length;
      for (let c = 0; c < data.length; c++)
        data[c]! += draw.follows.inputMean * rowSum(filters, c * rowLength, rowLength);
    }
    drawn.set(name, data);
  }
  return drawn;
}

function rowSum(data: Float32Array, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) sum += data[i]!;
  return sum;
}

/** Chris Doty-Humphrey's sfc32, started from an FNV-1a hash of the name. */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#a = hash | 0;
    this.#b = seed | 0;
    this.#c = ~hash | 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A signed 32-bit integer. */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result;
  }

  /** In [0, 1). */
  uniform(): number {
    return (this.next() >>> 0) / 4294967296;
  }

  normal(): number {
    const x = this.next();
    const y = this.next();
    return ((x & 0xffff) + (x >>> 16) + (y & 0xffff) + (y >>> 16) - SUM_MEAN) / SUM_DEVIATION;
  }

  /** The same numbers as `normal() * deviation`, with the state in locals: half the time for a large tensor. */
  fillNormal(data: Float32Array, deviation: number): void {
    const factor = deviation / SUM_DEVIATION;
    let a = this.#a;
    let b = this.#b;
    let c = this.#c;
    let counter = this.#counter;
    for (let i = 0; i < data.length; i++) {
      const x = (a + b + counter) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + x) | 0;
      const y = (a + b + counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + y) | 0;
      counter = (counter + 2) | 0;
      data[i] = ((x & 0xffff) + (x >>> 16) + (y & 0xffff) + (y >>> 16) - SUM_MEAN) * factor;
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#counter = counter;
  }
}
