/** `Tensor` with the types of onnxruntime-common's: programs written for those compile against these. */
import { CpuTensor } from './cpu-tensor.js';

/** What a tensor may be made from; an array is copied and converted, a typed array is referenced. */
interface DataSources {
  float32: Float32Array | readonly number[];
  float64: Float64Array | readonly number[];
  float16: Uint16Array | readonly number[];
  int64: BigInt64Array | readonly bigint[] | readonly number[];
  int32: Int32Array | readonly number[];
  int16: Int16Array | readonly number[];
  int8: Int8Array | readonly number[];
  uint64: BigUint64Array | readonly bigint[] | readonly number[];
  uint32: Uint32Array | readonly number[];
  uint16: Uint16Array | readonly number[];
  uint8: Uint8Array | Uint8ClampedArray | readonly number[];
  bool: Uint8Array | readonly boolean[] | readonly number[];
  string: readonly string[];
  int4: Int8Array;
  uint4: Uint8Array;
}

interface TypedTensorBase<T extends Tensor.Type> {
  readonly dims: readonly number[];
  readonly type: T;
  /** Number of elements. */
  readonly size: number;
  /** @throws Error when the tensor was disposed */
  readonly data: Tensor.DataTypeMap[T];
  readonly location: Tensor.DataLocation;
  /** The data; there is no other memory than the processor's, so `releaseData` changes nothing. */
  getData(releaseData?: boolean): Promise<Tensor.DataTypeMap[T]>;
  /** Lets go of the data: `location` becomes 'none', and reading `data` an error. */
  dispose(): void;
  /** A tensor over the same data with other extents. */
  reshape(dims: readonly number[]): TypedTensor<T>;
  /** Reading any of these is a TypeError: tensors live in the processor's memory. */
  readonly texture: never;
  readonly gpuBuffer: never;
  readonly mlTensor: never;
  /** Calling these is a TypeError: there is no canvas in Node.js. */
  toDataURL(options?: unknown): never;
  toImageData(options?: unknown): never;
}

export declare namespace Tensor {
  interface DataTypeMap {
    float32: Float32Array;
    float64: Float64Array;
    float16: Uint16Array;
    int64: BigInt64Array;
    int32: Int32Array;
    int16: Int16Array;
    int8: Int8Array;
    uint64: BigUint64Array;
    uint32: Uint32Array;
    uint16: Uint16Array;
    uint8: Uint8Array;
    /** One byte of 0 or 1 per element. */
    bool: Uint8Array;
    /** Named for programs that list all types; making such a tensor is a TypeError. */
    string: string[];
    int4: Int8Array;
    uint4: Uint8Array;
  }
  interface ElementTypeMap {
    float32: number;
    float64: number;
    float16: number;
    int64: bigint;
    int32: number;
    int16: number;
    int8: number;
    uint64: bigint;
    uint32: number;
    uint16: number;
    uint8: number;
    bool: boolean;
    string: string;
    int4: number;
    uint4: number;
  }
  type Type = keyof DataTypeMap;
  type DataType = DataTypeMap[Type];
  type ElementType = ElementTypeMap[Type];
  type DataLocation = 'none' | 'cpu' | 'cpu-pinned' | 'texture' | 'gpu-buffer' | 'ml-tensor';
  type CpuPinnedDataTypes = Exclude<Type, 'string'>;
}

/** A tensor of a known element type. */
export interface TypedTensor<T extends Tensor.Type> extends TypedTensorBase<T> {}

/** A tensor of any element type. */
export interface Tensor extends TypedTensorBase<Tensor.Type> {}

/** A tensor over memory that the caller promises to keep. */
export interface CpuPinnedConstructorParameters<T extends Tensor.CpuPinnedDataTypes = Tensor.CpuPinnedDataTypes> {
  readonly location: 'cpu-pinned';
  readonly type: T;
  readonly data: Tensor.DataTypeMap[T];
  readonly dims: readonly number[];
}

type AnySource = DataSources[Tensor.Type];

export interface TensorConstructor {
  new <T extends Tensor.Type>(type: T, data: DataSources[T], dims?: readonly number[]): TypedTensor<T>;
  new (data: Float32Array, dims?: readonly number[]): TypedTensor<'float32'>;
  new (data: Float64Array, dims?: readonly number[]): TypedTensor<'float64'>;
  new (data: BigInt64Array, dims?: readonly number[]): TypedTensor<'int64'>;
  new (data: BigUint64Array, dims?: readonly number[]): TypedTensor<'uint64'>;
  new (data: Int32Array, dims?: readonly number[]): TypedTensor<'int32'>;
  new (data: Int16Array, dims?: readonly number[]): TypedTensor<'int16'>;
  new (data: Int8Array, dims?: readonly number[]): TypedTensor<'int8'>;
  new (data: Uint32Array, dims?: readonly number[]): TypedTensor<'uint32'>;
  new (data: Uint16Array, dims?: readonly number[]): TypedTensor<'uint16'>;
  new (data: Uint8Array | Uint8ClampedArray, dims?: readonly number[]): TypedTensor<'uint8'>;
  new (data: readonly boolean[], dims?: readonly number[]): TypedTensor<'bool'>;
  new (data: readonly string[], dims?: readonly number[]): TypedTensor<'string'>;
  new (pinned: CpuPinnedConstructorParameters): Tensor;
  new (type: Tensor.Type, data: AnySource, dims?: readonly number[]): Tensor;
  new (data: Tensor.DataType, dims?: readonly number[]): Tensor;

  fromPinnedBuffer<T extends Tensor.CpuPinnedDataTypes>(
    type: T,
    buffer: Tensor.DataTypeMap[T],
    dims?: readonly number[],
  ): TypedTensor<T>;
  /** These need a browser; calling them is a TypeError. */
  fromImage(image: unknown, options?: unknown): Promise<never>;
  fromTexture(texture: unknown, options?: unknown): never;
  fromGpuBuffer(buffer: unknown, options?: unknown): never;
  fromMLTensor(tensor: unknown, options?: unknown): never;
}

/**
 * A typed array with an element type and extents (`dims`). Typed arrays are referenced; arrays of numbers, bigints and
 * booleans are copied and converted.
 * @throws TypeError for an element type that is not carried (string, int4, uint4) or data of another type
 * @throws RangeError when the number of elements is not the product of `dims`
 */
export const Tensor = CpuTensor as unknown as TensorConstructor;
