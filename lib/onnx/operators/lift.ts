/** How an older form of an operator becomes the newest one. */
import type { Attribute, Constant, Node } from '../../graph/ir.js';

/** What a lift may do besides returning the node. */
export interface LiftContext {
  /** Adds a constant to the graph and returns its name, which begins with `hint`. */
  addConstant(hint: string, constant: Constant): string;
}

/** `lift` applies to `ops` of operator sets below `before` (and from `from` on, where given). */
export interface Lift {
  readonly ops: readonly string[];
  readonly from?: number;
  readonly before: number;
  lift(node: Node, context: LiftContext): Node;
}

/** The node without some attributes. */
export function withoutAttributes(node: Node, ...names: string[]): Node {
  const attributes = Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name)));
  return { ...node, attributes };
}

export const withAttributes = (node: Node, attributes: Record<string, Attribute>): Node => ({
  ...node,
  attributes: { ...node.attributes, ...attributes },
});

/** The node with input `index` set, the gap before it filled with "left out". */
export function withInput(node: Node, index: number, name: string): Node {
  const inputs = [...node.inputs];
  while (inputs.length < index) inputs.push('');
  inputs[index] = name;
  return { ...node, inputs };
}

/** Moves an attribute to an input, as newer operator sets have it. Absent attributes leave the input out. */
export function attributeToInput(
  node: Node,
  context: LiftContext,
  attribute: string,
  index: number,
  make: (value: Attribute) => Constant,
): Node {
  const value = node.attributes[attribute];
  if (value === undefined) return node;
  const name = context.addConstant(`${node.name}.${attribute}`, make(value));
  return withInput(withoutAttributes(node, attribute), index, name);
}
