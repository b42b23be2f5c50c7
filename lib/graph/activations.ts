/** Nodes that are an activation, as the parameters of one. Used by fusion and by lowering, so that both agree. */
import { numberAttribute, stringAttribute } from './attributes.js';
import { scalarOf } from './constant.js';
import type { Activation, Constant, Node } from './ir.js';

type Constants = ReadonlyMap<string, Constant>;

/** An optional scalar input: its value, the fallback when left out, undefined when only the run will tell. */
function scalarInput(node: Node, index: number, constants: Constants, fallback: number): number | undefined {
  const name = node.inputs[index] ?? '';
  return name === '' ? fallback : scalarOf(constants.get(name));
}

const table: Readonly<Record<string, (node: Node, constants: Constants) => Activation | undefined>> = {
  Relu: () => ({ kind: 'relu' }),
  Clip: (node, constants) => {
    const alpha = scalarInput(node, 1, constants, Number.NEGATIVE_INFINITY);
    const beta = scalarInput(node, 2, constants, Number.POSITIVE_INFINITY);
    return alpha === undefined || beta === undefined ? undefined : { kind: 'clip', alpha, beta };
  },
  LeakyRelu: (node) => ({ kind: 'leakyRelu', alpha: numberAttribute(node, 'alpha', 0.01) }),
  HardSigmoid: (node) => ({
    kind: 'hardSigmoid',
    alpha: numberAttribute(node, 'alpha', 0.2),
    beta: numberAttribute(node, 'beta', 0.5),
  }),
  // The standard's HardSwish has no parameters; ours takes those of the hard sigmoid it was found with.
  HardSwish: (node) => ({
    kind: 'hardSwish',
    alpha: numberAttribute(node, 'alpha', 1 / 6),
    beta: numberAttribute(node, 'beta', 0.5),
  }),
  Sigmoid: () => ({ kind: 'sigmoid' }),
  Silu: () => ({ kind: 'silu' }),
  Tanh: () => ({ kind: 'tanh' }),
  Gelu: (node) => ({ kind: stringAttribute(node, 'approximate', 'none') === 'tanh' ? 'geluTanh' : 'gelu' }),
};

/** The activation a node computes of its first input; undefined for every other node. */
export const activationOf = (node: Node, constants: Constants): Activation | undefined =>
  table[node.op]?.(node, constants);
