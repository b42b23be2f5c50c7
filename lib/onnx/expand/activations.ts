/** Activations as nodes. */
import { numberAttribute } from '../../graph/attributes.js';
import { doublesOf, floatScalar } from '../../graph/constant.js';
import type { Activation, ActivationKind, Node } from '../../graph/ir.js';
import { type Expansion, type Part, perChannel, type Rules, without } from './rule.js';

const plain = (op: string, attributes: Part['attributes'] = {}): Part => ({
  op,
  suffix: 'activation',
  inputs: (value) => [value],
  attributes,
});

type Make = (activation: Activation, name: string, rank: number | undefined, expansion: Expansion) => Part[];

const table: Readonly<Record<ActivationKind, Make>> = {
  none: () => [],
  relu: () => [plain('Relu')],
  clip: ({ alpha = Number.NEGATIVE_INFINITY, beta = Number.POSITIVE_INFINITY }, name, _rank, expansion) => {
    const bound = (value: number, hint: string) =>
      Number.isFinite(value) ? expansion.addConstant(`${name}.${hint}`, floatScalar(value)) : '';
    const [min, max] = [bound(alpha, 'min'), bound(beta, 'max')];
    return [{ ...plain('Clip'), inputs: (value) => [value, min, max] }];
  },
  leakyRelu: ({ alpha = 0.01 }) => [plain('LeakyRelu', { alpha })],
  prelu: ({ slope = '' }, name, rank, expansion) => {
    const constant = expansion.constant(slope);
    const aligned =
      constant && rank !== undefined && constant.data.length > 1
        ? expansion.addConstant(`${name}.slope`, perChannel(doublesOf(constant), rank))
        : slope;
    return [{ ...plain('PRelu'), inputs: (value) => [value, aligned] }];
  },
  hardSigmoid: ({ alpha = 0.2, beta = 0.5 }) => [plain('HardSigmoid', { alpha, beta })],
  hardSwish: ({ alpha = 1 / 6, beta = 0.5 }) => [plain('HardSwish', { alpha, beta })],
  sigmoid: () => [plain('Sigmoid')],
  silu: () => [plain('Silu')],
  tanh: () => [plain('Tanh')],
  gelu: () => [plain('Gelu')],
  geluTanh: () => [plain('Gelu', { approximate: 'tanh' })],
};

/** The nodes of an activation on a value of `rank` axes; none for 'none'. `name` begins those of its constants. */
export const activationParts = (
  activation: Activation,
  name: string,
  rank: number | undefined,
  expansion: Expansion,
): Part[] => table[activation.kind](activation, name, rank, expansion);

/** x * f(x). The product keeps the name: it is the node that a pass finds the two by. */
function gated(node: Node, { op, attributes = {} }: Part, expansion: Expansion): Node[] {
  const [x = ''] = node.inputs;
  const gate = expansion.value(`${node.outputs[0]}.gate`, x);
  const name = expansion.nodeName(`${node.name}.gate`);
  return [
    { op, name, inputs: [x], outputs: [gate], attributes },
    { op: 'Mul', name: node.name, inputs: [x, gate], outputs: node.outputs, attributes: {} },
  ];
}

export const activationRules: Rules = {
  Silu: (node, expansion) => gated(node, plain('Sigmoid'), expansion),
  HardSwish: (node, expansion) => {
    if (node.attributes['alpha'] === undefined && node.attributes['beta'] === undefined) return undefined;
    const alpha = numberAttribute(node, 'alpha', 1 / 6);
    const beta = numberAttribute(node, 'beta', 0.5);
    // The standard's has these parameters and no others.
    if (Math.fround(alpha) === Math.fround(1 / 6) && beta === 0.5) return [without(node, 'alpha', 'beta')];
    return gated(node, plain('HardSigmoid', { alpha, beta }), expansion);
  },
};
