/** Scales per channel, and normalisation without a scale. */
import { flagAttribute, numberAttribute, stringAttribute } from '../../graph/attributes.js';
import { constantOf, doublesOf, elementCount, floatScalar, sameShape } from '../../graph/constant.js';
import type { Activation, ActivationKind, Node } from '../../graph/ir.js';
import { activationParts } from './activations.js';
import { chain, floats, type Part, perChannel, type Rules, replaceBy } from './rule.js';

/** Activation `prefix` of a SqueezeExcite. */
function activationOf(node: Node, prefix: string): Activation {
  const kind = stringAttribute(node, prefix, 'none') as ActivationKind;
  const parameter = (name: 'alpha' | 'beta') =>
    node.attributes[`${prefix}_${name}`] === undefined ? {} : { [name]: numberAttribute(node, `${prefix}_${name}`, 0) };
  return { kind, ...parameter('alpha'), ...parameter('beta') };
}

export const scalingRules: Rules = {
  ChannelScale: (node, expansion) => {
    const [x = ''] = node.inputs;
    const [scale, shift] = [1, 2].map((index) => {
      const constant = expansion.constant(node.inputs[index]);
      return constant ? doublesOf(constant) : Float64Array.of(index === 1 ? 1 : 0);
    }) as [Float64Array, Float64Array];
    const width = Math.max(scale.length, shift.length);
    const rank = expansion.shape(x)?.length;
    const scales = scale.some((value) => value !== 1);
    const shifts = shift.some((value) => value !== 0);
    if (!scales && !shifts) return [{ ...node, op: 'Identity', inputs: [x] }];

    // One node for both, and the only one that finds the channels of a value of unknown rank.
    if (width > 1 && ((scales && shifts) || rank === undefined)) {
      const parameter = (hint: string, values: ArrayLike<number>) => {
        const all = Float64Array.from({ length: width }, (_, i) => values[values.length === 1 ? 0 : i]!);
        return expansion.addConstant(`${node.name}.${hint}`, floats([width], all));
      };
      const parameters = [
        parameter('gamma', scale),
        parameter('beta', shift),
        parameter('mean', [0]),
        parameter('variance', [1]),
      ];
      return [{ ...node, op: 'BatchNormalization', inputs: [x, ...parameters], attributes: { epsilon: 0 } }];
    }

    const operand = (hint: string, values: Float64Array) =>
      expansion.addConstant(
        `${node.name}.${hint}`,
        values.length === 1 ? floatScalar(values[0]!) : perChannel(values, rank!),
      );
    const part = (op: string, hint: string, values: Float64Array): Part => {
      const name = operand(hint, values);
      return { op, suffix: hint, inputs: (value) => [value, name] };
    };
    const parts = [...(scales ? [part('Mul', 'scale', scale)] : []), ...(shifts ? [part('Add', 'shift', shift)] : [])];
    return replaceBy(node, parts, expansion);
  },

  SqueezeExcite: (node, expansion) => {
    const [x = '', w1 = '', b1 = '', w2 = '', b2 = ''] = node.inputs;
    const layer = (suffix: string, matrix: string, bias: string): Part => {
      const { type, shape, data } = expansion.constant(matrix)!;
      const weight = expansion.addConstant(`${node.name}.${suffix}`, { type, shape: [...shape, 1, 1], data });
      return { op: 'Conv', suffix, inputs: (value) => [value, weight, bias] };
    };
    const parts: Part[] = [
      layer('reduce', w1, b1),
      ...activationParts(activationOf(node, 'activation'), node.name, 4, expansion),
      layer('expand', w2, b2),
      ...activationParts(activationOf(node, 'gate'), `${node.name}.gate`, 4, expansion),
      { op: 'Mul', suffix: 'product', inputs: (value) => [x, value] },
      ...(flagAttribute(node, 'add_input', false)
        ? [{ op: 'Add', suffix: 'sum', inputs: (value: string) => [x, value] }]
        : []),
    ];
    return chain({ ...node, op: 'GlobalAveragePool', inputs: [x], attributes: {} }, parts, expansion);
  },

  LayerNormalization: (node, expansion) => {
    const shape = expansion.shape(node.inputs[0]);
    if ((node.inputs[1] ?? '') !== '' || !shape) return undefined;
    const tail = shape.slice(numberAttribute(node, 'axis', -1));
    const ones = floats(tail, new Float32Array(elementCount(tail)).fill(1));
    const inputs = [node.inputs[0]!, expansion.addConstant(`${node.name}.scale`, ones), ...node.inputs.slice(2)];
    return [{ ...node, inputs }];
  },

  // Before operator set 21 its parameters had one value per group.
  GroupNormalization: (node, expansion) => {
    const channels = expansion.shape(node.inputs[0])?.[1] ?? Number.NaN;
    const groups = numberAttribute(node, 'num_groups', 1);
    const parameters = [1, 2].map((index) => expansion.constant(node.inputs[index]));
    if (!(channels > groups) || !parameters.every((constant) => constant && sameShape(constant.shape, [groups])))
      return undefined;
    const names = parameters.map((constant, index) => {
      const values = doublesOf(constant!);
      const each = Float64Array.from({ length: channels }, (_, c) => values[Math.floor((c * groups) / channels)]!);
      return expansion.addConstant(`${node.inputs[index + 1]}.channels`, constantOf('float32', [channels], each));
    });
    return [{ ...node, inputs: [node.inputs[0]!, ...names] }];
  },
};
