/** Tensors: a typed array and a shape, nothing else. */
import { inspect } from 'node:util';
import { describe, shapeText } from './describe.js';

interface Arrays {
  float32: Float32Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  bool: Uint8Array;
}

/** Element types. Operators compute float32; models also take and give the others. */
export type DataType = keyof Arrays;

/** The typed array of a {@link DataType}: one byte of 0 or 1 per `bool`, `BigInt64Array` for `int64`. */
export type DataOf<T extends DataType> = Arrays[T];

const constructors = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const satisfies Record<DataType, unknown>;

const dataTypes = Object.keys(constructors) as DataType[];

/** More elements than this cannot be addressed by a typed array, let alone by a plan. */
const maxElements = 2 ** 36;

/**
 * The number of elements of a shape.
 * @throws TypeError when it is not an array of numbers
 * @throws RangeError when an extent is negative, not an integer, or the product is beyond 2^36
 */
export function elementsOf(where: string, shape: unknown): number {
  if (!Array.isArray(shape)) throw new TypeError(`${where}: expected an array of extents, got ${describe(shape)}`);
  let count = 1;
  let empty = false;
  for (const extent of shape as unknown[]) {
    if (typeof extent !== 'number')
      throw new TypeError(`${where}: expected extents that are numbers, got ${describe(extent)}`);
    if (!Number.isSafeInteger(extent) || extent < 0) {
      throw new RangeError(`${where}: expected extents that are integers of at least 0, got ${shapeText(shape)}`);
    }
    if (extent === 0) empty = true;
    else count *= extent;
    if (count > maxElements)
      throw new RangeError(`${where}: expected at most 2^36 elements, got shape ${shapeText(shape)}`);
  }
  return empty ? 0 : count;
}

type NumericArray = DataOf<DataType>;

/**
 * Memory that can change its size, vanish, or change under a kernel is refused, with the reason; then the length.
 * @param shape what the length has to be the product of, or null when it may be anything
 */
export function checkMemory(where: string, data: NumericArray, shape: readonly number[] | null): void {
  const buffer = data.buffer as ArrayBuffer & { readonly detached?: boolean; readonly resizable?: boolean };
  if (typeof SharedArrayBuffer !== 'undefined' && (buffer as unknown) instanceof SharedArrayBuffer) {
    throw new TypeError(
      `${where}: expected an array over an ArrayBuffer, got one over a SharedArrayBuffer, which other threads may change during a run`,
    );
  }
  if (buffer.resizable) {
    throw new TypeError(
      `${where}: expected an array over a buffer of fixed length, got one over a resizable ArrayBuffer`,
    );
  }
  const count = shape === null ? 0 : elementsOf(where, shape);
  // Node.js 20 has no `detached`: there, all that is to be seen is that buffer and view have become empty.
  if (buffer.detached || (count > 0 && buffer.byteLength === 0)) {
    throw new TypeError(`${where}: expected an array with elements, got one whose buffer is detached or empty`);
  }
  if (shape !== null && data.length !== count) {
    throw new RangeError(`${where}: expected ${count} elements for shape ${shapeText(shape)}, got ${data.length}`);
  }
}

/**
 * A dense, row-major array with a shape. The data is referenced, never copied: writing to `data` changes the tensor.
 * An empty shape is a scalar (one element); an extent of 0 makes an empty tensor.
 */
export class Tensor<T extends DataType = 'float32'> {
  readonly type: T;
  readonly data: DataOf<T>;
  /** Frozen. */
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;

  /**
   * @param data a typed array of the element type with exactly one element per product of `shape`
   * @throws TypeError when the array is of another type, or lies over a shared, resizable or detached buffer
   * @throws RangeError when its length is not that of the shape, or the shape is none
   */
  constructor(type: T, data: DataOf<T>, shape: readonly number[]) {
    const known = constructors[type as DataType];
    if (known === undefined)
      throw new TypeError(`Tensor: type: expected one of ${dataTypes.join(', ')}, got ${describe(type)}`);
    if (!(data instanceof known))
      throw new TypeError(`Tensor: data: expected a ${known.name} for ${type}, got ${describe(data)}`);
    elementsOf('Tensor: shape', shape);
    // A getter may give another extent the second time: what is kept is what is checked.
    this.shape = Object.freeze([...shape]);
    this.size = elementsOf('Tensor: shape', this.shape);
    checkMemory('Tensor: data', data, this.shape);
    this.type = type;
    this.data = data;
  }

  /** `Tensor float32 [1, 3, 224, 224]` */
  toString(): string {
    return `Tensor ${this.type} ${shapeText(this.shape)}`;
  }

  [inspect.custom](_depth: number, options: object): string {
    return `${this} ${inspect(this.data, { ...options, maxArrayLength: 8 })}`;
  }
}

/** Which element type an array means on its own; `bool` shares its array with uint8 and has to be asked for. */
const typeOfArray = new Map<unknown, DataType>([
  [Float32Array, 'float32'],
  [BigInt64Array, 'int64'],
  [Int32Array, 'int32'],
  [Uint8Array, 'uint8'],
  [Int8Array, 'int8'],
]);

function inferType(data: unknown): DataType {
  for (const [arrayType, type] of typeOfArray) if (data instanceof (arrayType as typeof Float32Array)) return type;
  const expected = 'a Float32Array, BigInt64Array, Int32Array, Uint8Array, Int8Array or an array of numbers';
  throw new TypeError(`tensor: data: expected ${expected}, got ${describe(data)}`);
}

/**
 * A tensor over `data`. Typed arrays are referenced and say their type themselves; an array of numbers is copied to
 * float32. Pass `'bool'` as `type` for a Uint8Array of zeros and ones.
 *
 * @example tensor(new Float32Array(12), [1, 3, 2, 2])
 * @throws TypeError for another kind of array, or one over a shared, resizable or detached buffer
 * @throws RangeError when the number of elements is not the product of the shape
 */
export function tensor(data: Float32Array | readonly number[], shape: readonly number[]): Tensor;
export function tensor(data: BigInt64Array, shape: readonly number[]): Tensor<'int64'>;
export function tensor(data: Int32Array, shape: readonly number[]): Tensor<'int32'>;
export function tensor(data: Int8Array, shape: readonly number[]): Tensor<'int8'>;
export function tensor(data: Uint8Array, shape: readonly number[]): Tensor<'uint8'>;
export function tensor<T extends DataType>(data: DataOf<T>, shape: readonly number[], type: T): Tensor<T>;
export function tensor(data: unknown, shape: readonly number[], type?: DataType): Tensor<DataType> {
  if (Array.isArray(data)) {
    const stranger = data.findIndex((element) => typeof element !== 'number');
    if (stranger >= 0)
      throw new TypeError(`tensor: data: expected numbers, got ${describe(data[stranger])} at index ${stranger}`);
    data = Float32Array.from(data as number[]);
  }
  const found = inferType(data);
  return new Tensor(type ?? found, data as DataOf<DataType>, shape);
}

/**
 * The argument of an operator that has to be a float32 tensor. Looked at again on every call, because a buffer may have
 * been transferred since the tensor was made.
 */
export function checkFloat32(op: string, name: string, value: unknown): Tensor {
  const where = `${op}: ${name}`;
  if (!(value instanceof Tensor)) throw new TypeError(`${where}: expected a float32 Tensor, got ${describe(value)}`);
  const { type, data, shape } = value as Tensor;
  if (type !== 'float32') throw new TypeError(`${where}: expected a float32 Tensor, got ${type}`);
  if (!(data instanceof Float32Array))
    throw new TypeError(`${where}: expected a Float32Array in the Tensor, got ${describe(data)}`);
  checkMemory(where, data, shape);
  return value as Tensor;
}

/** Whether two arrays share any byte. */
export function overlap(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return (
    a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength
  );
}
