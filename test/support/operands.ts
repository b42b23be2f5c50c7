/** Operands for operator tests: reproducible values, both layouts, and what may differ. */
import { cpuInfo, type Isa, type Layout, type Tensor, tensor } from 'lanewise';

/** Every instruction set of this machine; 'avx2', 'avx512' and 'neon' add with fused multiplications in one order. */
export const isas: readonly Isa[] = cpuInfo().detected;
export const fusedIsas: readonly Isa[] = isas.filter((isa) => isa !== 'scalar');

export const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** A generator of integers: `next(n)` is one of 0 .. n-1. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  }
  #bits(): number {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state;
  }
  next(n: number): number {
    return Math.floor((this.#bits() / 2 ** 32) * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)]!;
  }
  /** Between -1 and 1. */
  values(shape: readonly number[]): Tensor {
    return tensor(
      Float32Array.from({ length: count(shape) }, () => this.#bits() / 2 ** 31 - 1),
      shape,
    );
  }
  /** Whole numbers between -most and most: sums and products of few of them are exact in float32. */
  integers(shape: readonly number[], most = 3): Tensor {
    return tensor(
      Float32Array.from({ length: count(shape) }, () => this.next(2 * most + 1) - most),
      shape,
    );
  }
}

/** The NCHW tensor in a layout. */
export function inLayout({ data, shape }: Tensor, layout: Layout): Tensor {
  if (layout === 'nchw') return tensor(data.slice(), shape);
  const [n, c, h, w] = shape as [number, number, number, number];
  const moved = new Float32Array(data.length);
  let i = 0;
  for (let b = 0; b < n; b++)
    for (let k = 0; k < c; k++)
      for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) moved[((b * h + y) * w + x) * c + k] = data[i++]!;
  return tensor(moved, [n, h, w, c]);
}

/** Back to NCHW. */
export function fromLayout(t: Tensor, layout: Layout): Tensor {
  if (layout === 'nchw') return t;
  const [n, h, w, c] = t.shape as [number, number, number, number];
  const moved = new Float32Array(t.size);
  let i = 0;
  for (let b = 0; b < n; b++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) for (let k = 0; k < c; k++) moved[((b * c + k) * h + y) * w + x] = t.data[i++]!;
  return tensor(moved, [n, c, h, w]);
}

export const largest = (data: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < data.length; i++) most = Math.max(most, Math.abs(data[i]!));
  return most;
};

/** The largest difference of two arrays; equal infinities and two NaNs differ by nothing. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const d = Math.abs(a - b);
    if (Number.isNaN(d)) return Infinity;
    most = Math.max(most, d);
  }
  return most;
}

/** Whether two float arrays hold the same bits, but for the sign of a zero and the payload of a NaN. */
export const sameBits = (a: Float32Array, b: Float32Array): boolean => difference(a, b) === 0;

/** Distance of 1 to the next float32. */
export const eps = 2 ** -23;
