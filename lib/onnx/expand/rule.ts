/** What a rule of expansion sees, and the nodes it makes. */
import { constantOf } from '../../graph/constant.js';
import type { GraphEditor } from '../../graph/editor.js';
import type { Attribute, Constant, Node } from '../../graph/ir.js';
import type { TensorType } from '../../graph/shapes/rule.js';

export interface Expansion {
  constant(name: string | undefined): Constant | undefined;
  /** Extents of a value, NaN where unknown; undefined where not even the rank is known. */
  shape(name: string | undefined): readonly number[] | undefined;
  /** The name of a new value, of the type of `like` where given. */
  value(hint: string, like?: string): string;
  addConstant(hint: string, constant: Constant): string;
  nodeName(hint: string): string;
}

/**
 * The nodes a node stands for, the last of which writes its outputs; undefined when the standard knows it as it is. What comes
 * back is expanded again, so a rule may lean on others.
 */
export type Rule = (node: Node, expansion: Expansion) => readonly Node[] | undefined;
export type Rules = Readonly<Record<string, Rule>>;

/** A node but for its names and where it reads its first input. */
export interface Part {
  readonly op: string;
  readonly suffix: string;
  /** Given the value so far. */
  inputs(value: string): readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** The parts one behind the other, from the value `x` to `output`; `named` gives each its name. */
function sequence(
  x: string,
  output: string,
  parts: readonly Part[],
  expansion: Expansion,
  named: (part: Part, isLast: boolean) => string,
): Node[] {
  let value = x;
  return parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    const inputs = part.inputs(value);
    value = isLast ? output : expansion.value(`${output}.${part.suffix}`, output);
    const name = named(part, isLast);
    return { op: part.op, name, inputs, outputs: [value], attributes: part.attributes ?? {} };
  });
}

/** `first`, then the parts on its result; the last writes what `first` wrote. */
export function chain(first: Node, parts: readonly Part[], expansion: Expansion): Node[] {
  const [output = ''] = first.outputs;
  if (parts.length === 0) return [first];
  const value = expansion.value(`${output}.${first.op.toLowerCase()}`, output);
  const name = ({ suffix }: Part) => expansion.nodeName(`${first.name}.${suffix}`);
  return [{ ...first, outputs: [value] }, ...sequence(value, output, parts, expansion, name)];
}

/** The parts in place of `node`. The last keeps its name: it is the one by which passes name what they make of them. */
export function replaceBy(node: Node, parts: readonly Part[], expansion: Expansion): Node[] {
  const name = ({ suffix }: Part, isLast: boolean) =>
    isLast ? node.name : expansion.nodeName(`${node.name}.${suffix}`);
  return sequence(node.inputs[0]!, node.outputs[0]!, parts, expansion, name);
}

/** The node without some attributes. */
export function without(node: Node, ...names: string[]): Node {
  const attributes = Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name)));
  return { ...node, attributes };
}

export const floats = (shape: readonly number[], values: ArrayLike<number>): Constant =>
  constantOf('float32', shape, values);

/** One value per channel (axis 1), shaped to meet a tensor of `rank` axes. */
export const perChannel = (values: ArrayLike<number>, rank: number): Constant =>
  floats([values.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)], values);

export function expansionOf(editor: GraphEditor, known: ReadonlyMap<string, TensorType>): Expansion {
  const types = new Map(known);
  return {
    constant: (name) => editor.constant(name),
    shape: (name) => types.get(name ?? '')?.shape ?? editor.constant(name)?.shape,
    value: (hint, like) => {
      const name = editor.freshName(hint);
      const type = like === undefined ? undefined : types.get(like);
      if (type) types.set(name, type);
      return name;
    },
    addConstant: (hint, constant) => editor.addConstant(hint, constant),
    nodeName: (hint) => editor.freshName(hint),
  };
}
