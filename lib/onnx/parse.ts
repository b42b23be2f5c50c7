/**
 * A file with every field of it, for who writes another one: documentation, metadata, functions, fields of later versions of the
 * format. What decoding would cost is found out first (see `wire.ts`), by a walk that allocates nothing.
 */
import { type DescField, type DescMessage, fromBinary, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { LanewiseError } from '../errors.js';
import { type AllLimits, checkDecodedHeap, defaultLimits } from '../limits.js';
import { formatError } from './format-error.js';
import { heapCosts, maxDepth } from './wire.js';

const wide: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const fixedSize = new Map<ScalarType, number>([
  [ScalarType.FLOAT, 4],
  [ScalarType.FIXED32, 4],
  [ScalarType.SFIXED32, 4],
  [ScalarType.DOUBLE, 8],
  [ScalarType.FIXED64, 8],
  [ScalarType.SFIXED64, 8],
]);

const fieldsOf = new Map<DescMessage, ReadonlyMap<number, DescField>>();
function fieldOf(message: DescMessage, number: number): DescField | undefined {
  let fields = fieldsOf.get(message);
  if (!fields) {
    fields = new Map(message.fields.map((field) => [field.number, field]));
    fieldsOf.set(message, fields);
  }
  return fields.get(number);
}

/** Varints end with a byte below 128. */
function countVarints(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (bytes[i]! < 128) count++;
  return count;
}

/** Heap that a field of scalars takes. */
function scalarBytes(field: DescField, bytes: Uint8Array, wireType: WireType, from: number, to: number): number {
  const { scalar } = field;
  if (scalar === ScalarType.STRING) return heapCosts.text + 2 * (to - from);
  if (scalar === ScalarType.BYTES) return heapCosts.view; // a view of the file
  const each = scalar !== undefined && wide.has(scalar) ? heapCosts.bigint : heapCosts.number;
  if (wireType !== WireType.LengthDelimited) return each;
  const size = scalar === undefined ? undefined : fixedSize.get(scalar);
  return each * (size ? (to - from) / size : countVarints(bytes, from, to));
}

/** @throws LanewiseError ERR_LIMIT when decoding would take too much; errors of the reader when the bytes are no protobuf */
function checkDecoding(bytes: Uint8Array, limits: AllLimits): void {
  const reader = new BinaryReader(bytes);
  const open: { message: DescMessage; end: number }[] = [{ message: ModelProtoSchema, end: bytes.length }];
  let heap: number = heapCosts.message;
  for (let top = open.at(-1); top; top = open.at(-1)) {
    if (reader.pos >= top.end) {
      open.pop();
      continue;
    }
    const [number, wireType] = reader.tag();
    const field = fieldOf(top.message, number);
    const start = reader.pos;
    const size = wireType === WireType.LengthDelimited ? reader.uint32() : 0;
    const from = reader.pos;
    if (from + size > top.end) throw formatError('not a complete ONNX file: a field is longer than its message');
    if (field?.message && wireType === WireType.LengthDelimited) {
      heap += heapCosts.message;
      open.push({ message: field.message, end: from + size });
      if (open.length > maxDepth) throw formatError(`messages nest more than ${maxDepth} deep`);
    } else {
      if (wireType === WireType.LengthDelimited) reader.pos = from + size;
      else reader.skip(wireType, number);
      if (!field)
        heap += heapCosts.message; // kept as an object of its own
      else
        heap += scalarBytes(field, bytes, wireType, wireType === WireType.LengthDelimited ? from : start, reader.pos);
    }
    checkDecodedHeap(limits, heap);
  }
}

/**
 * The message an ONNX file holds.
 * @throws LanewiseError ERR_MODEL_FORMAT when the bytes are not a complete message, ERR_LIMIT before they take too much
 */
export function parseModel(bytes: Uint8Array, limits: AllLimits = defaultLimits): ModelProto {
  try {
    checkDecoding(bytes, limits);
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    if (error instanceof LanewiseError) throw error;
    throw formatError(`not a complete ONNX file: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
