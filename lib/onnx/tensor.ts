/**
 * Tensors of a file to constants. Data are copied out of the file: three of four tensors are not aligned and have to be, the file may
 * change once it is read, and one small view of it would keep all of its memory.
 */
import { newArray } from '../graph/constant.js';
import { elementTypeOfCode, storageOf } from '../graph/element-type.js';
import type { Constant, TypedArray, WeightFile } from '../graph/ir.js';
import { StoredConstant } from '../graph/stored.js';
import { type ConstantBudget, maxRank } from '../limits.js';
import { copyBytes, finish, type Work } from '../work.js';
import { checkLocation, type ExternalData } from './external-data.js';
import { formatError } from './format-error.js';
import type { TensorMessage } from './messages.js';
import type { Payload } from './wire.js';

/** A payload of this size or larger stays in the file; smaller ones are cheaper to read along. */
export const storedFrom = 1 << 16;

const FLOAT16 = 10;
const BFLOAT16 = 16;
const EXTERNAL = 1;

const scratch = new DataView(new ArrayBuffer(4));

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloatToFloat(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** Widening of the two half types: nothing behind the reader knows them. */
const widen: Readonly<Record<number, (bits: number) => number>> = { [FLOAT16]: halfToFloat, [BFLOAT16]: bfloatToFloat };

/** Where tensors come from, and how many of them there may be. */
export interface TensorSource {
  readonly external?: ExternalData | undefined;
  readonly budget?: ConstantBudget;
  /** The file of the model, where its large payloads stay. */
  readonly file?: WeightFile | undefined;
}

/** Extents of a tensor, checked to multiply without overflow. */
function readShape(tensor: TensorMessage, where: string): { shape: number[]; count: number } {
  let count = 1;
  if (tensor.dims.length > maxRank) throw formatError(`${where}: ${tensor.dims.length} axes are more than ${maxRank}`);
  const shape = tensor.dims;
  for (const extent of shape)
    if (!Number.isSafeInteger(extent) || extent < 0) throw formatError(`${where}: extent ${extent} is not valid`);
  // A zero extent anywhere makes the product zero; otherwise every partial product must stay exact.
  for (const extent of shape) {
    count *= extent;
    if (!Number.isSafeInteger(count * 8))
      throw formatError(`${where}: shape [${shape}] has more elements than any memory holds`);
  }
  return { shape, count };
}

function externalBytes(
  tensor: TensorMessage,
  where: string,
  expected: number,
  read: ExternalData | undefined,
): Uint8Array {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  checkLocation(location);
  if (!read)
    throw formatError(`${where}: its data is in the file '${location}', but the model was not loaded from a folder`);
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0)
      throw formatError(`${where}: external data ${key} '${text}' is not valid`);
    return value;
  };
  const length = number('length');
  if (length !== undefined && length !== expected) {
    throw formatError(`${where}: external data has ${length} bytes, its shape needs ${expected}`);
  }
  const bytes = read(location, number('offset') ?? 0, expected);
  if (bytes.length !== expected)
    throw formatError(`${where}: external data has ${bytes.length} bytes, its shape needs ${expected}`);
  return bytes;
}

function payloadBytes({ bytes, offset, length }: Payload, file: WeightFile | undefined): Uint8Array {
  if (bytes) return bytes;
  const read = new Uint8Array(length);
  file?.read(offset, read);
  return read;
}

/** Bytes as a new array of the type. */
function* arrayOf(bytes: Uint8Array, type: Constant['type'], count: number): Work<TypedArray> {
  const { array } = storageOf(type)!;
  const copy = yield* copyBytes(bytes);
  return new array(copy.buffer, 0, count);
}

/** Calls `visit` for 0 to count - 1, with pauses. */
function* inSpans(count: number, visit: (i: number) => void): Work<void> {
  for (let end = 0; end < count; ) {
    const begin = end;
    end = Math.min(count, begin + (1 << 15));
    for (let i = begin; i < end; i++) visit(i);
    yield;
  }
}

function typedField(tensor: TensorMessage, type: Constant['type']): ArrayLike<number | bigint> {
  switch (type) {
    case 'float32':
      return tensor.floatData;
    case 'float64':
      return tensor.doubleData;
    case 'int64':
      return tensor.int64Data;
    case 'uint32':
    case 'uint64':
      return tensor.uint64Data;
    default:
      return tensor.int32Data;
  }
}

/**
 * The constant a TensorMessage holds.
 * @param where how messages name it, for example `initializer 'conv1.weight'`
 * @throws LanewiseError ERR_LIMIT before memory is taken for more constants than allowed, ERR_MODEL_FORMAT when sizes, types or data do not fit together
 */
export function* readingTensor(tensor: TensorMessage, where: string, source: TensorSource = {}): Work<Constant> {
  const { external, budget } = source;
  const type = elementTypeOfCode(tensor.dataType);
  const info = type && storageOf(type);
  if (!type || !info) throw formatError(`${where}: element type ${tensor.dataType} is not supported`);
  const { shape, count } = readShape(tensor, where);
  const half = widen[tensor.dataType];
  const elementBytes = half ? 2 : info.array.BYTES_PER_ELEMENT;
  budget?.take(count * info.array.BYTES_PER_ELEMENT, where);

  const isExternal = tensor.dataLocation === EXTERNAL;
  const { rawData } = tensor;
  if (isExternal || rawData.length > 0) {
    const size = count * elementBytes;
    if (!isExternal && rawData.length !== size)
      throw formatError(`${where}: shape [${shape}] needs ${size} bytes, the file has ${rawData.length}`);
    if (!isExternal && source.file && size >= storedFrom && type === 'float32' && !half)
      return new StoredConstant(shape, { file: source.file, offset: rawData.offset });
    const bytes = isExternal ? externalBytes(tensor, where, size, external) : payloadBytes(rawData, source.file);
    if (!half) return { type, shape, data: yield* arrayOf(bytes, type, count) };
    const bits = (yield* arrayOf(bytes, 'uint16', count)) as Uint16Array;
    const data = new Float32Array(count);
    yield* inSpans(count, (i) => {
      data[i] = half(bits[i]!);
    });
    return { type, shape, data };
  }

  const field = half ? tensor.int32Data : typedField(tensor, type);
  if (field.length !== count)
    throw formatError(`${where}: shape [${shape}] needs ${count} elements, the file has ${field.length}`);
  const data = newArray(type, count) as { [index: number]: number | bigint } & TypedArray;
  const narrow = half ?? (type === 'uint32' ? Number : undefined);
  yield* inSpans(count, (i) => {
    data[i] = narrow ? narrow(Number(field[i])) : field[i]!;
  });
  return { type, shape, data };
}

/** {@link readingTensor}, all at once. */
export const readTensor = (tensor: TensorMessage, where: string, source?: TensorSource): Constant =>
  finish(readingTensor(tensor, where, source));
