/**
 * The messages of an ONNX file, as far as a graph needs them. Numbers, names and meaning of the fields: onnx.proto.
 * What is read with its descriptors, every field of it, is `parse.ts`.
 */
import { type AllLimits, checkLimit } from '../limits.js';
import { type Payload, WireReader } from './wire.js';

export interface TensorMessage {
  name: string;
  dims: number[];
  dataType: number;
  dataLocation: number;
  rawData: Payload;
  floatData: number[];
  doubleData: number[];
  int32Data: number[];
  int64Data: bigint[];
  uint64Data: bigint[];
  externalData: { key: string; value: string }[];
}

/** Which field of an attribute holds its value, as far as a graph knows the kind. */
export const attributeKinds = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

export interface AttributeMessage {
  name: string;
  /** 0 where the file does not say it. */
  type: number;
  f: number;
  i: number;
  s: string;
  t: TensorMessage | undefined;
  g: GraphMessage | undefined;
  floats: number[];
  ints: number[];
  strings: string[];
}

export interface NodeMessage {
  name: string;
  opType: string;
  domain: string;
  input: string[];
  output: string[];
  attribute: AttributeMessage[];
}

export interface ValueMessage {
  name: string;
  /** Undefined for sequences, maps and the like. */
  tensor: { elemType: number; dims: (number | string | undefined)[] | undefined } | undefined;
}

export interface GraphMessage {
  name: string;
  node: NodeMessage[];
  initializer: TensorMessage[];
  sparseInitializers: number;
  input: ValueMessage[];
  output: ValueMessage[];
}

export interface ModelMessage {
  opsetImport: { domain: string; version: number }[];
  graph: GraphMessage | undefined;
}

const nothing: Payload = { offset: 0, length: 0, bytes: new Uint8Array(0) };

const newTensor = (): TensorMessage => ({
  name: '',
  dims: [],
  dataType: 0,
  dataLocation: 0,
  rawData: nothing,
  floatData: [],
  doubleData: [],
  int32Data: [],
  int64Data: [],
  uint64Data: [],
  externalData: [],
});

function fillEntry(reader: WireReader, entry: { key: string; value: string }): void {
  while (reader.next()) {
    if (reader.field === 1) entry.key = reader.text();
    else if (reader.field === 2) entry.value = reader.text();
    else reader.skip();
  }
}

function fillTensor(reader: WireReader, tensor: TensorMessage): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.integers(tensor.dims);
        break;
      case 2:
        tensor.dataType = reader.integer();
        break;
      case 4:
        reader.floats(tensor.floatData);
        break;
      case 5:
        reader.integers(tensor.int32Data);
        break;
      case 7:
        reader.bigints(tensor.int64Data);
        break;
      case 8:
        tensor.name = reader.text();
        break;
      case 9:
        tensor.rawData = reader.payload();
        break;
      case 10:
        reader.doubles(tensor.doubleData);
        break;
      case 11:
        reader.bigints(tensor.uint64Data);
        break;
      case 13:
        tensor.externalData.push(reader.message(fillEntry, { key: '', value: '' }));
        break;
      case 14:
        tensor.dataLocation = reader.integer();
        break;
      default:
        reader.skip();
    }
  }
}

const newAttribute = (): AttributeMessage => ({
  name: '',
  type: 0,
  f: 0,
  i: 0,
  s: '',
  t: undefined,
  g: undefined,
  floats: [],
  ints: [],
  strings: [],
});

function fillAttribute(reader: WireReader, attribute: AttributeMessage): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        attribute.name = reader.text();
        break;
      case 2:
        attribute.f = reader.float();
        break;
      case 3:
        attribute.i = reader.integer();
        break;
      case 4:
        attribute.s = reader.text();
        break;
      case 5:
        attribute.t = reader.message(fillTensor, attribute.t ?? newTensor());
        break;
      case 6:
        attribute.g = reader.message(fillGraph, attribute.g ?? newGraph());
        break;
      case 7:
        reader.floats(attribute.floats);
        break;
      case 8:
        reader.integers(attribute.ints);
        break;
      case 9:
        attribute.strings.push(reader.text());
        break;
      case 20:
        attribute.type = reader.integer();
        break;
      default:
        reader.skip();
    }
  }
}

function fillNode(reader: WireReader, node: NodeMessage): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        node.input.push(reader.text());
        break;
      case 2:
        node.output.push(reader.text());
        break;
      case 3:
        node.name = reader.text();
        break;
      case 4:
        node.opType = reader.text();
        break;
      case 5:
        node.attribute.push(reader.message(fillAttribute, newAttribute()));
        break;
      case 7:
        node.domain = reader.text();
        break;
      default:
        reader.skip();
    }
  }
}

function fillDim(reader: WireReader, dim: { value: number | string | undefined }): void {
  while (reader.next()) {
    if (reader.field === 1) dim.value = reader.integer();
    else if (reader.field === 2) dim.value = reader.text();
    else reader.skip();
  }
}

function fillShape(reader: WireReader, dims: (number | string | undefined)[]): void {
  while (reader.next()) {
    if (reader.field === 1) dims.push(reader.message(fillDim, { value: undefined }).value);
    else reader.skip();
  }
}

function fillTensorType(reader: WireReader, tensor: NonNullable<ValueMessage['tensor']>): void {
  while (reader.next()) {
    if (reader.field === 1) tensor.elemType = reader.integer();
    else if (reader.field === 2) tensor.dims = reader.message(fillShape, tensor.dims ?? []);
    else reader.skip();
  }
}

/** Fields of TypeProto of which there is one: sequence, map, opaque, sparse tensor, optional. */
const otherTypes: ReadonlySet<number> = new Set([4, 5, 7, 8, 9]);

function fillType(reader: WireReader, value: ValueMessage): void {
  while (reader.next()) {
    if (reader.field === 1) {
      value.tensor = reader.message(fillTensorType, value.tensor ?? { elemType: 0, dims: undefined });
      continue;
    }
    if (otherTypes.has(reader.field)) value.tensor = undefined;
    reader.skip();
  }
}

function fillValue(reader: WireReader, value: ValueMessage): void {
  while (reader.next()) {
    if (reader.field === 1) value.name = reader.text();
    else if (reader.field === 2) reader.message(fillType, value);
    else reader.skip();
  }
}

const newGraph = (): GraphMessage => ({
  name: '',
  node: [],
  initializer: [],
  sparseInitializers: 0,
  input: [],
  output: [],
});

function fillGraph(reader: WireReader, graph: GraphMessage): void {
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        reader.countNode();
        graph.node.push(
          reader.message(fillNode, { name: '', opType: '', domain: '', input: [], output: [], attribute: [] }),
        );
        break;
      case 2:
        graph.name = reader.text();
        break;
      case 5:
        graph.initializer.push(reader.message(fillTensor, newTensor()));
        break;
      case 11:
        graph.input.push(reader.message(fillValue, { name: '', tensor: undefined }));
        break;
      case 12:
        graph.output.push(reader.message(fillValue, { name: '', tensor: undefined }));
        break;
      case 15:
        graph.sparseInitializers++;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
}

function fillOpset(reader: WireReader, opset: { domain: string; version: number }): void {
  while (reader.next()) {
    if (reader.field === 1) opset.domain = reader.text();
    else if (reader.field === 2) opset.version = reader.integer();
    else reader.skip();
  }
}

/**
 * The message an ONNX file holds.
 * @param gaps what `bytes` lack of the file: pairs of the first byte and the end of a payload
 * @throws LanewiseError ERR_MODEL_FORMAT when the bytes are not a complete message, ERR_LIMIT before they take too much
 */
export function readMessages(bytes: Uint8Array, limits: AllLimits, gaps?: Float64Array): ModelMessage {
  checkLimit(limits, 'maxFileBytes', bytes.length, 'the model file: bytes');
  const reader = new WireReader(bytes, limits, gaps);
  const model: ModelMessage = { opsetImport: [], graph: undefined };
  while (reader.next()) {
    if (reader.field === 7) model.graph = reader.message(fillGraph, model.graph ?? newGraph());
    else if (reader.field === 8) model.opsetImport.push(reader.message(fillOpset, { domain: '', version: 0 }));
    else reader.skip();
  }
  return model;
}
