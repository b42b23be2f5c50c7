/** Input made up from a seed: the same on every machine. */
import { elementCount, newArray } from '../../graph/constant.js';
import type { Constant, ElementType } from '../../graph/ir.js';
import { CommandError } from '../usage.js';

/** The mulberry32 generator: uniform from 0 to 1, 32 bits at a time. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Floats from -1 to 1; integers and truth values 0 or 1, which are indices of anything. */
export function randomValue(type: string, shape: readonly number[], seed: number): Constant {
  if (type === 'string') throw new CommandError('inputs of strings cannot be made up');
  const next = uniform(seed);
  const data = newArray(type as ElementType, elementCount(shape));
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const bit = Math.round(next());
    if (isBig) data[i] = BigInt(bit);
    else data[i] = isFloat ? 2 * next() - 1 : bit;
  }
  return { type: type as ElementType, shape, data };
}
