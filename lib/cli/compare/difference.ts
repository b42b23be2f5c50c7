/** How far two results are apart. */
import type { Constant } from '../../graph/ir.js';

export interface Difference {
  readonly name: string;
  readonly shape: readonly number[];
  /** Largest difference of two elements. */
  readonly maxAbs: number;
  /** The same, relative to the largest element of the second result. */
  readonly maxRel: number;
  /** Of the angle between the two, as vectors: 1 where they point the same way. */
  readonly cosine: number;
  /** Why nothing was compared. */
  readonly problem?: string;
}

/** NaN against NaN, and an infinity against itself, are no difference; against anything else they are an infinite one. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

export function differenceOf(name: string, a: Constant, b: Constant): Difference {
  const sameShape = a.shape.length === b.shape.length && a.shape.every((extent, axis) => extent === b.shape[axis]);
  if (!sameShape || a.data.length !== b.data.length) {
    const problem = `shapes differ: [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`;
    return { name, shape: a.shape, maxAbs: Number.NaN, maxRel: Number.NaN, cosine: Number.NaN, problem };
  }
  let [maxAbs, largest, ab, aa, bb] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])];
    maxAbs = Math.max(maxAbs, distance(x, y));
    if (Number.isFinite(y)) largest = Math.max(largest, Math.abs(y));
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  const maxRel = maxAbs === 0 ? 0 : maxAbs / largest;
  // Two vectors of zeros point the same way; one of them alone points nowhere.
  const cosine = aa === 0 && bb === 0 ? 1 : Math.min(1, ab / Math.sqrt(aa * bb));
  return { name, shape: a.shape, maxAbs, maxRel, cosine: Number.isNaN(cosine) ? 0 : cosine };
}
