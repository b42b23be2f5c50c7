/** Convolutions with a border that is not zero, products with a bias or a transposed side. */
import {
  constantAttribute,
  flagAttribute,
  numberAttribute,
  numbersAttribute,
  stringAttribute,
} from '../../graph/attributes.js';
import { doublesOf, elementCount, floatScalar, int64Vector } from '../../graph/constant.js';
import { transposeConstant } from '../../graph/evaluate/movement.js';
import type { Constant, Node } from '../../graph/ir.js';
import { type Expansion, floats, type Rule, type Rules, without } from './rule.js';

/** A border of one value: a Pad, which any runtime does exactly. */
function withPad(node: Node, pads: readonly number[], value: number, expansion: Expansion): Node[] {
  const [x = '', ...rest] = node.inputs;
  const half = pads.length / 2;
  const all = [0, 0, ...pads.slice(0, half), 0, 0, ...pads.slice(half)];
  const padded = expansion.value(`${node.outputs[0]}.padded`);
  const pad: Node = {
    op: 'Pad',
    name: expansion.nodeName(`${node.name}.pad`),
    inputs: [
      x,
      expansion.addConstant(`${node.name}.pads`, int64Vector(all)),
      expansion.addConstant(`${node.name}.border`, floatScalar(value)),
    ],
    outputs: [padded],
    attributes: {},
  };
  return [pad, { ...without(node, 'pads', 'auto_pad'), inputs: [padded, ...rest] }];
}

/** A border per channel: with p taken from the input the border is zero, and p's share of every sum goes into the bias. */
function withShift(node: Node, border: Float64Array, expansion: Expansion): Node[] {
  const [x = '', w = '', b = ''] = node.inputs;
  const weight = expansion.constant(w)!;
  const values = doublesOf(weight);
  const bias = expansion.constant(b);
  const [outputs = 0, groupInputs = 0] = weight.shape;
  const taps = elementCount(weight.shape.slice(2));
  const groupOutputs = outputs / numberAttribute(node, 'group', 1);
  const sums = bias ? doublesOf(bias) : new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const first = Math.floor(o / groupOutputs) * groupInputs;
    for (let i = 0; i < groupInputs * taps; i++)
      sums[o]! += values[o * groupInputs * taps + i]! * border[first + Math.floor(i / taps)]!;
  }
  const shifted = expansion.value(`${node.outputs[0]}.shifted`, x);
  const parameters = [
    expansion.addConstant(`${node.name}.one`, floatScalar(1)),
    expansion.addConstant(
      `${node.name}.border`,
      floats(
        [border.length],
        border.map((value) => -value),
      ),
    ),
  ];
  return [
    {
      op: 'ChannelScale',
      name: expansion.nodeName(`${node.name}.shift`),
      inputs: [x, ...parameters],
      outputs: [shifted],
      attributes: {},
    },
    { ...node, inputs: [shifted, w, expansion.addConstant(`${node.name}.bias`, floats([outputs], sums))] },
  ];
}

const conv: Rule = (node, expansion) => {
  const padValue = constantAttribute(node, 'padValue');
  if (!padValue) return undefined;
  const bare = without(node, 'padValue');
  const border = doublesOf(padValue);
  const pads = numbersAttribute(node, 'pads') ?? [];
  const isExplicit = stringAttribute(node, 'auto_pad', 'NOTSET') === 'NOTSET';
  if (border.every((value) => value === 0) || (isExplicit && pads.every((pad) => pad === 0))) return [bare];
  if (isExplicit && border.every((value) => value === border[0])) return withPad(bare, pads, border[0]!, expansion);
  return withShift(bare, border, expansion);
};

const swapped = (rank: number): number[] => {
  const permutation = Array.from({ length: rank }, (_, axis) => axis);
  return [...permutation.slice(0, -2), rank - 1, rank - 2];
};

/** The right side of a product, its last two axes swapped: at once where it is known, else by a node. */
function transposed(node: Node, expansion: Expansion): { name: string; nodes: Node[] } {
  const [, b = ''] = node.inputs;
  const constant: Constant | undefined = expansion.constant(b);
  const rank = expansion.shape(b)!.length;
  if (constant)
    return { name: expansion.addConstant(`${b}.transposed`, transposeConstant(constant, swapped(rank))), nodes: [] };
  const name = expansion.value(`${b}.transposed`);
  const attributes = { perm: swapped(rank) };
  return {
    name,
    nodes: [
      { op: 'Transpose', name: expansion.nodeName(`${node.name}.transpose`), inputs: [b], outputs: [name], attributes },
    ],
  };
}

const matmul: Rule = (node, expansion) => {
  const [a = '', b = '', bias = ''] = node.inputs;
  const transB = flagAttribute(node, 'transB', false);
  if (bias === '') {
    if (!transB) return node.attributes['transB'] === undefined ? undefined : [without(node, 'transB')];
    const { name, nodes } = transposed(node, expansion);
    return [...nodes, { ...without(node, 'transB'), inputs: [a, name] }];
  }
  if ([a, b].every((name) => expansion.shape(name)?.length === 2)) return [{ ...node, op: 'Gemm' }];
  const product = expansion.value(`${node.outputs[0]}.product`, node.outputs[0]);
  return [
    { ...node, inputs: [a, b], outputs: [product] },
    {
      op: 'Add',
      name: expansion.nodeName(`${node.name}.bias`),
      inputs: [product, bias],
      outputs: node.outputs,
      attributes: {},
    },
  ];
};

export const linearRules: Rules = { Conv: conv, MatMul: matmul };
