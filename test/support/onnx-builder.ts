/** Writes small ONNX models for tests, field by field, so that the reader is not tested against a writer of ours. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;
}

/** A float attribute whose value happens to be a whole number. */
export class FloatAttribute {
  constructor(readonly value: number) {}
}
export const float = (value: number): FloatAttribute => new FloatAttribute(value);

export type AttributeSpec = number | string | readonly number[] | readonly string[] | TensorSpec | FloatAttribute;

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
}

export interface ModelSpec {
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeSpec[];
  /** Element type codes of inputs that are not float32. */
  readonly inputTypes?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, TensorSpec>>;
  readonly opset?: number;
  /** Element type code of the outputs (1, float32, by default). */
  readonly outputType?: number;
}

const codes = new Map<unknown, number>([
  [Float32Array, 1],
  [Uint8Array, 2],
  [Int32Array, 6],
  [BigInt64Array, 7],
  [Float64Array, 11],
]);

export function tensorProto(name: string, { shape, data }: TensorSpec): TensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType: codes.get(data.constructor)!, rawData });
}

function attributeProto(name: string, value: AttributeSpec): AttributeProto {
  const make = (type: Kind, fields: object) => create(AttributeProtoSchema, { name, type, ...fields });
  if (value instanceof FloatAttribute) return make(Kind.FLOAT, { f: value.value });
  if (typeof value === 'string') return make(Kind.STRING, { s: new TextEncoder().encode(value) });
  if (typeof value === 'number')
    return Number.isInteger(value) ? make(Kind.INT, { i: BigInt(value) }) : make(Kind.FLOAT, { f: value });
  if ('shape' in value) return make(Kind.TENSOR, { t: tensorProto('', value) });
  if (value.every((item) => typeof item === 'string'))
    return make(Kind.STRINGS, { strings: value.map((item) => new TextEncoder().encode(item)) });
  const numbers = value as readonly number[];
  if (numbers.every(Number.isInteger)) return make(Kind.INTS, { ints: numbers.map(BigInt) });
  return make(Kind.FLOATS, { floats: [...numbers] });
}

function valueInfo(name: string, shape: readonly (number | string)[] | undefined, elemType: number): ValueInfoProto {
  const dim = (shape ?? []).map((extent) => ({
    value:
      typeof extent === 'number'
        ? { case: 'dimValue' as const, value: BigInt(extent) }
        : { case: 'dimParam' as const, value: extent },
  }));
  const tensor = shape ? { elemType, shape: { dim } } : { elemType };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensor } } });
}

export function buildModel(spec: ModelSpec): Uint8Array {
  const graph = create(GraphProtoSchema, {
    name: 'test',
    input: Object.entries(spec.inputs).map(([name, shape]) => valueInfo(name, shape, spec.inputTypes?.[name] ?? 1)),
    output: spec.outputs.map((name) => valueInfo(name, undefined, spec.outputType ?? 1)),
    initializer: Object.entries(spec.constants ?? {}).map(([name, tensor]) => tensorProto(name, tensor)),
    node: spec.nodes.map(({ op, inputs, outputs, name = '', domain = '', attributes = {} }) =>
      create(NodeProtoSchema, {
        opType: op,
        name,
        domain,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([key, value]) => attributeProto(key, value)),
      }),
    ),
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: BigInt(spec.opset ?? 17) }],
      graph,
    }),
  );
}

export const ints = (...values: number[]): TensorSpec => ({
  shape: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
});
export const floats = (shape: readonly number[], values: ArrayLike<number>): TensorSpec => ({
  shape,
  data: Float32Array.from(values),
});
export const scalar = (value: number): TensorSpec => floats([], [value]);

/** Reproducible values between -1 and 1. */
export function random(shape: readonly number[], seed: number): TensorSpec & { data: Float32Array } {
  let state = (seed * 2654435761) >>> 0 || 1;
  const count = shape.reduce((product, extent) => product * extent, 1);
  const data = Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 31 - 1;
  });
  return { shape, data };
}

/** Reproducible values between `low` and `high`. */
export function uniform(shape: readonly number[], seed: number, low: number, high: number): TensorSpec {
  const { data } = random(shape, seed);
  return { shape, data: data.map((value) => low + ((value + 1) / 2) * (high - low)) };
}
