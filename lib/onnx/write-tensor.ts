/** Constant to TensorProto, ValueInfo to ValueInfoProto. */
import { create } from '@bufbuild/protobuf';
import { type TensorProto, TensorProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from 'onnx-buf';
import { float32Of } from '../graph/constant.js';
import { isFloat, storageOf } from '../graph/element-type.js';
import type { Constant, Dim, ElementType, ValueInfo } from '../graph/ir.js';

const FLOAT32 = 1;

/** Whatever width a float had in memory or file, it is computed in float32, and written so. */
export const codeOf = (type: ElementType): number =>
  isFloat(type) ? FLOAT32 : type === 'string' ? 8 : storageOf(type)!.code;

/** The tensor views the constant's array: every machine with prebuilt binaries is little-endian, as the format is. */
export function tensorProto(name: string, constant: Constant): TensorProto {
  const { buffer, byteOffset, byteLength } = isFloat(constant.type) ? float32Of(constant) : constant.data;
  return create(TensorProtoSchema, {
    name,
    dims: constant.shape.map(BigInt),
    dataType: codeOf(constant.type),
    rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  });
}

const dimension = (dim: Dim) =>
  typeof dim === 'number'
    ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
    : { value: { case: 'dimParam' as const, value: dim } };

export function valueInfoProto({ name, type, shape }: ValueInfo): ValueInfoProto {
  const tensorType = { elemType: codeOf(type), shape: { dim: shape.map(dimension) } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}
