/** Attribute to AttributeProto. */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
} from 'onnx-buf';
import type { Attribute, Graph, Node } from '../graph/ir.js';
import { tensorProto } from './write-tensor.js';

const utf8 = new TextEncoder();

/** Attributes of standard operators that are floats, whatever number they hold: the graph does not tell 1 from 1.0. */
const floats: ReadonlySet<string> = new Set(
  (
    'alpha beta gamma bias lambd epsilon momentum ratio cubic_coeff_a extrapolation_value spatial_scale value_float high low ' +
    'mean scale sparse_threshold clip scales value_floats activation_alpha activation_beta'
  ).split(' '),
);

/** The kind of an attribute that no file held before, or that changed its kind. */
function kindOf(name: string, value: Attribute): Kind {
  if (typeof value === 'string') return Kind.STRING;
  if (typeof value === 'boolean') return Kind.INT;
  if (typeof value === 'number') return floats.has(name) || !Number.isInteger(value) ? Kind.FLOAT : Kind.INT;
  if (Array.isArray(value)) {
    const items = value as readonly (number | string)[];
    if (typeof items[0] === 'string') return Kind.STRINGS;
    return floats.has(name) || !items.every(Number.isInteger) ? Kind.FLOATS : Kind.INTS;
  }
  return 'nodes' in (value as object) ? Kind.GRAPH : Kind.TENSOR;
}

/** What the reader turns into one and the same value. */
const alike: Readonly<Partial<Record<Kind, Kind>>> = {
  [Kind.FLOAT]: Kind.INT,
  [Kind.INT]: Kind.FLOAT,
  [Kind.FLOATS]: Kind.INTS,
  [Kind.INTS]: Kind.FLOATS,
};

export type WriteBody = (body: Graph, origin: GraphProto | undefined) => GraphProto;

type Fill = (proto: AttributeProto, value: never, body: WriteBody, origin: AttributeProto | undefined) => void;

const fills: Readonly<Partial<Record<Kind, Fill>>> = {
  [Kind.FLOAT]: (proto, value: number) => {
    proto.f = value;
  },
  [Kind.INT]: (proto, value: number, _body, origin) => {
    // The file may hold an integer that no double does.
    proto.i = origin && Number(origin.i) === value ? origin.i : BigInt(value);
  },
  [Kind.STRING]: (proto, value: string) => {
    proto.s = utf8.encode(value);
  },
  [Kind.FLOATS]: (proto, value: readonly number[]) => {
    proto.floats = [...value];
  },
  [Kind.INTS]: (proto, value: readonly number[]) => {
    proto.ints = value.map(BigInt);
  },
  [Kind.STRINGS]: (proto, value: readonly string[]) => {
    proto.strings = value.map((item) => utf8.encode(item));
  },
  [Kind.TENSOR]: (proto, value: never) => {
    proto.t = tensorProto('', value);
  },
  [Kind.GRAPH]: (proto, value: Graph, body, origin) => {
    proto.g = body(value, origin?.g);
  },
};

function attributeProto(
  name: string,
  value: Attribute,
  origin: AttributeProto | undefined,
  body: WriteBody,
): AttributeProto {
  const made = kindOf(name, value);
  const given = origin?.type || undefined;
  const type = given !== undefined && (given === made || given === alike[made]) ? given : made;
  const proto = create(AttributeProtoSchema, { name, type, ...(origin?.docString && { docString: origin.docString }) });
  fills[type]!(proto, value as never, body, given === type ? origin : undefined);
  return proto;
}

/** The attributes of a node. Those of kinds the graph cannot hold (types, sparse tensors, lists of tensors) come from its origin. */
export function attributeProtos(node: Node, origin: readonly AttributeProto[], body: WriteBody): AttributeProto[] {
  const known = new Map(origin.map((attribute) => [attribute.name, attribute]));
  const carried = origin.filter(({ name, type }) => type !== 0 && !(type in fills) && !(name in node.attributes));
  const own = Object.entries(node.attributes).map(([name, value]) =>
    attributeProto(name, value, known.get(name), body),
  );
  return [...own, ...carried];
}
