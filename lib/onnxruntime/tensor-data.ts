/** Element types of onnxruntime tensors, their arrays, and what can be turned into such an array. */
import { describe } from '../describe.js';
import type { Tensor } from './tensor.js';

interface ArrayType {
  new (length: number): Tensor.DataType;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Tensor.DataType;
  from(elements: Iterable<unknown>): Tensor.DataType;
  readonly name: string;
}

/** Node.js has it from version 24 on; before that, half precision travels as its bits. */
const { Float16Array = Uint16Array } = globalThis as { Float16Array?: unknown };

/** An array on its own stands for the first type that has it: not for half precision, and never for `bool`. */
const arrays = new Map<string, ArrayType>(
  Object.entries({
    float32: Float32Array,
    float64: Float64Array,
    int64: BigInt64Array,
    int32: Int32Array,
    int16: Int16Array,
    int8: Int8Array,
    uint64: BigUint64Array,
    uint32: Uint32Array,
    uint16: Uint16Array,
    uint8: Uint8Array,
    float16: Float16Array,
    bool: Uint8Array,
  }) as unknown as [string, ArrayType][],
);

const typeOf = (data: unknown): string | undefined => [...arrays].find(([, array]) => data instanceof array)?.[0];

const bigints: ReadonlySet<string> = new Set(['int64', 'uint64']);

function fromList(type: string, array: ArrayType, list: readonly unknown[]): Tensor.DataType {
  if (type === 'float16' && Float16Array === Uint16Array)
    throw new TypeError('Tensor: data: expected a Uint16Array of the bits for float16, got an array');
  const fits = bigints.has(type) ? ['bigint', 'number'] : ['number', 'boolean'];
  const stranger = list.findIndex((element) => !fits.includes(typeof element));
  if (stranger >= 0)
    throw new TypeError(
      `Tensor: data: expected elements for ${type}, got ${describe(list[stranger])} at index ${stranger}`,
    );
  return array.from(bigints.has(type) ? (list as number[]).map(BigInt) : list);
}

/**
 * The array of a tensor of `type`: `data` itself where it is one already, a converted copy of a list.
 * @throws TypeError for a type nobody carries, or data that is not of the type
 */
export function arrayOf(type: string, data: unknown): Tensor.DataType {
  const array = arrays.get(type);
  if (!array) throw new TypeError(`Tensor: type: expected one of ${[...arrays.keys()].join(', ')}, got '${type}'`);
  if (data instanceof array) return data;
  if (Array.isArray(data)) return fromList(type, array, data);
  if (type === 'uint8' && data instanceof Uint8ClampedArray) return Uint8Array.from(data);
  if (type === 'float16' && data instanceof Uint16Array) return new array(data.buffer, data.byteOffset, data.length);
  throw new TypeError(`Tensor: data: expected a ${array.name} for ${type}, got ${describe(data)}`);
}

/** The element type of data given without one. */
export function inferType(data: unknown): string {
  if (Array.isArray(data) && typeof data[0] === 'boolean') return 'bool';
  if (data instanceof Uint8ClampedArray) return 'uint8';
  const type = typeOf(data);
  if (type) return type;
  const got = Array.isArray(data) ? `an array of ${typeof data[0]}s, whose type has to be given` : describe(data);
  throw new TypeError(`Tensor: data: expected a typed array or an array of booleans, got ${got}`);
}
