/** What fusion put behind an operator, as nodes again. */
import { doublesOf } from '../../graph/constant.js';
import { activationParts } from './activations.js';
import { chain, type Part, perChannel, type Rule } from './rule.js';

const binary = (op: string, suffix: string, other: string): Part => ({
  op,
  suffix,
  inputs: (value) => [value, other],
});

export const epilogueRule: Rule = (node, expansion) => {
  if (!node.epilogue) return undefined;
  const { epilogue, ...bare } = node;
  const { scale, shift, residual, activation, gate, addAfterActivation = false } = epilogue;
  const rank = expansion.shape(node.outputs[0])?.length;
  // Channels of a matrix product are the last axis, where a vector meets them as it is.
  const isConvolution = node.op === 'Conv' || node.op === 'ConvTranspose';
  const aligned = (name: string): string => {
    const constant = isConvolution && rank !== undefined ? expansion.constant(name) : undefined;
    return constant ? expansion.addConstant(`${name}.channels`, perChannel(doublesOf(constant), rank!)) : name;
  };
  const add = residual === undefined ? [] : [binary('Add', 'residual', residual)];
  const parts: Part[] = [
    ...(scale === undefined ? [] : [binary('Mul', 'scale', aligned(scale))]),
    ...(shift === undefined ? [] : [binary('Add', 'shift', aligned(shift))]),
    ...(addAfterActivation ? [] : add),
    ...(activation ? activationParts(activation, node.name, rank, expansion) : []),
    ...(addAfterActivation ? add : []),
    ...(gate === undefined ? [] : [binary('Mul', 'gate', gate)]),
  ];
  return chain(bare, parts, expansion);
};
