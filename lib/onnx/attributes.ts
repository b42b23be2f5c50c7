/** Attributes of a file to those of a graph. */
import type { Attribute, Graph } from '../graph/ir.js';
import { type AttributeMessage, type GraphMessage, attributeKinds as kinds } from './messages.js';
import { readTensor, type TensorSource } from './tensor.js';

export interface AttributeContext {
  readonly source: TensorSource;
  readBody(body: GraphMessage): Graph;
}

type Reader = (attribute: AttributeMessage, where: string, context: AttributeContext) => Attribute | undefined;

const readers: Readonly<Record<number, Reader>> = {
  [kinds.float]: ({ f }) => f,
  [kinds.int]: ({ i }) => i,
  [kinds.string]: ({ s }) => s,
  [kinds.floats]: ({ floats }) => floats,
  [kinds.ints]: ({ ints }) => ints,
  [kinds.strings]: ({ strings }) => strings,
  [kinds.tensor]: ({ t }, where, { source }) => t && readTensor(t, where, source),
  [kinds.graph]: ({ g }, _where, { readBody }) => g && readBody(g),
};

/** Files older than IR version 2 do not say the kind: it is that of the field in use. */
function guessKind(attribute: AttributeMessage): number {
  if (attribute.floats.length > 0) return kinds.floats;
  if (attribute.ints.length > 0) return kinds.ints;
  if (attribute.strings.length > 0) return kinds.strings;
  if (attribute.t) return kinds.tensor;
  if (attribute.g) return kinds.graph;
  if (attribute.s.length > 0) return kinds.string;
  return attribute.f !== 0 ? kinds.float : kinds.int;
}

/** Kinds no known operator uses (sparse tensors, types, lists of graphs) are left out: the operator will be refused, not the file. */
export function readAttributes(
  attributes: readonly AttributeMessage[],
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
