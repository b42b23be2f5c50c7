/** AttributeProto to Attribute. */
import { type AttributeProto, type GraphProto, AttributeProto_AttributeType as Kind } from 'onnx-buf';
import type { Attribute, Graph } from '../graph/ir.js';
import { readTensor, type TensorSource } from './tensor.js';

const utf8 = new TextDecoder();

export interface AttributeContext {
  readonly source: TensorSource;
  readBody(body: GraphProto): Graph;
}

type Reader = (attribute: AttributeProto, where: string, context: AttributeContext) => Attribute | undefined;

const readers: Readonly<Partial<Record<Kind, Reader>>> = {
  [Kind.FLOAT]: ({ f }) => f,
  [Kind.INT]: ({ i }) => Number(i),
  [Kind.STRING]: ({ s }) => utf8.decode(s),
  [Kind.FLOATS]: ({ floats }) => floats,
  [Kind.INTS]: ({ ints }) => ints.map(Number),
  [Kind.STRINGS]: ({ strings }) => strings.map((s) => utf8.decode(s)),
  [Kind.TENSOR]: ({ t }, where, { source }) => t && readTensor(t, where, source),
  [Kind.GRAPH]: ({ g }, _where, { readBody }) => g && readBody(g),
};

/** Files older than IR version 2 do not say the kind: it is that of the field in use. */
function guessKind(attribute: AttributeProto): Kind {
  if (attribute.floats.length > 0) return Kind.FLOATS;
  if (attribute.ints.length > 0) return Kind.INTS;
  if (attribute.strings.length > 0) return Kind.STRINGS;
  if (attribute.t) return Kind.TENSOR;
  if (attribute.g) return Kind.GRAPH;
  if (attribute.s.length > 0) return Kind.STRING;
  return attribute.f !== 0 ? Kind.FLOAT : Kind.INT;
}

/** Kinds no known operator uses (sparse tensors, types, lists of graphs) are left out: the operator will be refused, not the file. */
export function readAttributes(
  attributes: readonly AttributeProto[],
  node: string,
  context: AttributeContext,
): Record<string, Attribute> {
  const result: Record<string, Attribute> = {};
  for (const attribute of attributes) {
    const kind = attribute.type || guessKind(attribute);
    const value = readers[kind]?.(attribute, `attribute '${attribute.name}' of node '${node}'`, context);
    if (value !== undefined) result[attribute.name] = value;
  }
  return result;
}
