/** Weights that stay in the file of their model until a plan packs them: they are in memory once, packed. */
import { elementCount } from './constant.js';
import type { Constant, StoredElements } from './ir.js';

/** A float32 constant whose elements are read when they are asked for, every time: few passes do. */
export class StoredConstant implements Constant {
  readonly type = 'float32';

  constructor(
    readonly shape: readonly number[],
    readonly stored: StoredElements,
  ) {}

  get data(): Float32Array {
    const { file, offset, scale } = this.stored;
    const data = new Float32Array(elementCount(this.shape));
    file.read(offset, new Uint8Array(data.buffer));
    if (!scale) return data;
    const part = data.length / scale.length;
    for (const [index, factor] of scale.entries())
      for (let i = index * part; i < (index + 1) * part; i++) data[i]! *= factor;
    return data;
  }

  /** With a factor per extent of the first axis, in double: scales that follow each other are rounded once, at the end. */
  scaled(factors: Float64Array): StoredConstant {
    const { scale } = this.stored;
    const product = scale ? factors.map((factor, i) => factor * scale[i]!) : factors;
    return new StoredConstant(this.shape, { ...this.stored, scale: product });
  }
}
