/** Making and reading constants. */
import { storageOf } from './element-type.js';
import type { Constant, ElementType, StoredElements, TypedArray } from './ir.js';

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const extent of shape) count *= extent;
  return count;
}

export function newArray(type: ElementType, length: number): TypedArray {
  const info = storageOf(type);
  if (!info) throw new TypeError(`constants of type ${type} cannot be made`);
  return new info.array(length);
}

// The two bounds are the nearest doubles inside the range: BigInt64Array would wrap around beyond them.
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const toBigInt = (value: number): bigint => {
  if (Number.isNaN(value)) return 0n;
  if (value >= 2 ** 63) return INT64_MAX;
  if (value <= -(2 ** 63)) return INT64_MIN;
  return BigInt(Math.trunc(value));
};

/** A constant of any numeric type from plain numbers; integers are truncated and int64 saturates. */
export function constantOf(type: ElementType, shape: readonly number[], values: ArrayLike<number>): Constant {
  const data = newArray(type, elementCount(shape));
  if (values.length !== data.length) {
    throw new RangeError(`a constant of shape [${shape}] needs ${data.length} values, got ${values.length}`);
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) data[i] = toBigInt(values[i]!);
  } else if (type === 'bool') {
    for (let i = 0; i < data.length; i++) data[i] = values[i] ? 1 : 0;
  } else {
    for (let i = 0; i < data.length; i++) data[i] = values[i]!;
  }
  return { type, shape, data };
}

export const int64Vector = (values: readonly number[]): Constant => constantOf('int64', [values.length], values);

export const floatScalar = (value: number): Constant => constantOf('float32', [], [value]);

/** The elements as numbers: exact up to 2^53, which is beyond any extent or index. */
export function numbersOf(constant: Constant): number[] {
  const { data } = constant;
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : Array.from(data);
}

/** The elements as doubles, for weight algebra. */
export function doublesOf({ data }: Constant): Float64Array {
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return isBig ? Float64Array.from(data, Number) : new Float64Array(data);
}

/** Number of elements of a constant, which need not be in memory for that. */
export const sizeOf = ({ shape }: Constant): number => elementCount(shape);

/** Bytes its elements take, wherever they are. */
export const byteSizeOf = (constant: Constant): number =>
  constant.stored ? 4 * sizeOf(constant) : constant.data.byteLength;

/** The value of a constant with exactly one element. */
export function scalarOf(constant: Constant | undefined): number | undefined {
  return constant && sizeOf(constant) === 1 ? Number(constant.data[0]) : undefined;
}

const asFloat32 = new WeakMap<TypedArray, Float32Array>();

/**
 * The elements as float32. Conversions are remembered per array: plans of several input shapes then name the very same
 * array, and can share what they pack from it.
 */
export function float32Of(constant: Constant): Float32Array {
  const { data } = constant;
  if (data instanceof Float32Array) return data;
  let converted = asFloat32.get(data);
  if (!converted) {
    converted = new Float32Array(doublesOf(constant));
    asFloat32.set(data, converted);
  }
  return converted;
}

/** What a plan is given of a float constant: where its elements are, in memory or in a file. */
export const plannedFloats = (constant: Constant): Float32Array | StoredElements =>
  constant.stored ?? float32Of(constant);

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);
