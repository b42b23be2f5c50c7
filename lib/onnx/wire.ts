/**
 * What decoding a file would cost, found out before it is decoded. Two bytes of a file become an empty node of hundreds of
 * bytes, and a JavaScript heap that is full ends the process: no error can be caught then. This walk allocates nothing.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { type AllLimits, checkLimit } from '../limits.js';
import { formatError } from './format-error.js';

/** Bytes of heap, rounded up from what V8 was seen to take. */
const messageBytes = 512;
const elementBytes = 16;
const bigintBytes = 48;
const textBytes = 64;

/** Messages inside of each other; a body inside a body takes three. */
const maxDepth = 64;

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
  if (scalar === ScalarType.STRING) return textBytes + 2 * (to - from);
  if (scalar === ScalarType.BYTES) return 2 * textBytes; // a view of the file
  const each = scalar !== undefined && wide.has(scalar) ? bigintBytes : elementBytes;
  if (wireType !== WireType.LengthDelimited) return each;
  const size = scalar === undefined ? undefined : fixedSize.get(scalar);
  return each * (size ? (to - from) / size : countVarints(bytes, from, to));
}

/**
 * @throws LanewiseError ERR_LIMIT when decoding would take too much or there are too many nodes, ERR_MODEL_FORMAT when
 *   messages nest too deeply; errors of the reader when the bytes are no protobuf
 */
export function checkDecoding(bytes: Uint8Array, limits: AllLimits): void {
  const reader = new BinaryReader(bytes);
  const open: { message: DescMessage; end: number }[] = [{ message: ModelProtoSchema, end: bytes.length }];
  let heap = messageBytes;
  let nodes = 0;
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
      heap += messageBytes;
      if (field.message === NodeProtoSchema) checkLimit(limits, 'maxNodes', ++nodes, 'the model: nodes');
      open.push({ message: field.message, end: from + size });
      if (open.length > maxDepth) throw formatError(`messages nest more than ${maxDepth} deep`);
    } else {
      if (wireType === WireType.LengthDelimited) reader.pos = from + size;
      else reader.skip(wireType, number);
      if (!field)
        heap += messageBytes; // kept as an object of its own
      else
        heap += scalarBytes(field, bytes, wireType, wireType === WireType.LengthDelimited ? from : start, reader.pos);
    }
    checkLimit(limits, 'maxDecodedBytes', heap, 'the model: bytes of heap to decode it');
  }
}
