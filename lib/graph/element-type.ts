/** Element types: their arrays, sizes and ONNX codes. */
import type { ElementType, TypedArray } from './ir.js';

export interface TypedArrayConstructor {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

interface ElementTypeInfo {
  /** `TensorProto.DataType` */
  readonly code: number;
  readonly array: TypedArrayConstructor;
  readonly kind: 'float' | 'int' | 'bigint' | 'bool';
}

type StoredType = Exclude<ElementType, 'string' | 'float16'>;

const table: Readonly<Record<StoredType, ElementTypeInfo>> = {
  float32: { code: 1, array: Float32Array, kind: 'float' },
  uint8: { code: 2, array: Uint8Array, kind: 'int' },
  int8: { code: 3, array: Int8Array, kind: 'int' },
  uint16: { code: 4, array: Uint16Array, kind: 'int' },
  int16: { code: 5, array: Int16Array, kind: 'int' },
  int32: { code: 6, array: Int32Array, kind: 'int' },
  int64: { code: 7, array: BigInt64Array, kind: 'bigint' },
  bool: { code: 9, array: Uint8Array, kind: 'bool' },
  float64: { code: 11, array: Float64Array, kind: 'float' },
  uint32: { code: 12, array: Uint32Array, kind: 'int' },
  uint64: { code: 13, array: BigUint64Array, kind: 'bigint' },
};

const byCode = new Map<number, ElementType>([
  ...Object.entries(table).map(([type, info]) => [info.code, type as ElementType] as const),
  [8, 'string'],
  // Half precision is widened when a file is read, so that nothing downstream has to know about it.
  [10, 'float32'],
  [16, 'float32'],
]);

/** The element type an ONNX `DataType` code becomes in a graph; undefined for those nobody here can represent. */
export const elementTypeOfCode = (code: number): ElementType | undefined => byCode.get(code);

/** How constants of a type are stored; undefined for strings. */
export const storageOf = (type: ElementType): ElementTypeInfo | undefined =>
  type === 'float16' ? table.float32 : type === 'string' ? undefined : table[type];

export const isFloat = (type: ElementType): boolean => storageOf(type)?.kind === 'float';
