/** ONNX files from plain data: the few parts of the format that a network of floats needs. */

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** ONNX keeps integers and floats apart, JavaScript does not: hence the tag. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  | { readonly tensor: TensorData };

export interface TensorData {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface NodeData {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A float32 input or output; a dimension given by name is symbolic. */
export interface ValueInfo {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface ModelData {
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly NodeData[];
  readonly initializers: readonly TensorData[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

type AttributeInit = MessageInitShape<typeof AttributeProtoSchema>;
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type ValueInfoInit = MessageInitShape<typeof ValueInfoProtoSchema>;

/** IR 8 goes with operator sets 15 to 18, and runtimes accept older and newer sets in it. */
const IR_VERSION = 8n;

export function encodeModel(model: ModelData): Uint8Array<ArrayBuffer> {
  const message = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'lanewise-zoo',
    opsetImport: [{ domain: '', version: BigInt(model.opset) }],
    graph: {
      name: model.name,
      node: model.nodes.map((node) => ({
        opType: node.op,
        name: node.name,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, attribute]) => ({
          name,
          ...encodeAttribute(attribute),
        })),
      })),
      initializer: model.initializers.map(encodeTensor),
      input: model.inputs.map(encodeValueInfo),
      output: model.outputs.map(encodeValueInfo),
    },
  });
  return toBinary(ModelProtoSchema, message);
}

/** The same model with the results of the named operators as further graph outputs, to look at what happens inside. */
export function exposeOutputsOf(bytes: Uint8Array, operators: ReadonlySet<string>): Uint8Array<ArrayBuffer> {
  const message = fromBinary(ModelProtoSchema, bytes);
  const graph = message.graph!;
  const present = new Set(graph.output.map((output) => output.name));
  const added = graph.node.filter((node) => operators.has(node.opType)).flatMap((node) => node.output);
  const outputs = added.filter((name) => !present.has(name)).map((name) => ({ name }));
  graph.output.push(...outputs.map((output) => create(ValueInfoProtoSchema, output)));
  return toBinary(ModelProtoSchema, message);
}

function encodeAttribute(attribute: Attribute): AttributeInit {
  if ('int' in attribute) return { type: AttributeType.INT, i: BigInt(attribute.int) };
  if ('float' in attribute) return { type: AttributeType.FLOAT, f: attribute.float };
  if ('ints' in attribute) return { type: AttributeType.INTS, ints: attribute.ints.map(BigInt) };
  if ('string' in attribute) return { type: AttributeType.STRING, s: new TextEncoder().encode(attribute.string) };
  return { type: AttributeType.TENSOR, t: encodeTensor(attribute.tensor) };
}

function encodeTensor({ name, dims, data }: TensorData): TensorInit {
  return {
    name,
    dims: dims.map(BigInt),
    dataType: data instanceof Float32Array ? DataType.FLOAT : DataType.INT64,
    // ONNX stores raw data little-endian, as does every machine that Node.js has prebuilt binaries for, except s390x.
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  };
}

function encodeValueInfo({ name, dims }: ValueInfo): ValueInfoInit {
  const dim = dims.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return { name, type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT, shape: { dim } } } } };
}
