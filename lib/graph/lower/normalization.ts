/** Softmax and the normalisations whose statistics depend on the input. */
import { flagAttribute, normalizeAxis, numberAttribute } from '../attributes.js';
import { elementCount, float32Of } from '../constant.js';
import type { ValueIndex } from '../plan-spec.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { activationOnly } from './epilogue.js';

const softmax =
  (log: boolean): LowerRule =>
  (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    const flatten = flagAttribute(node, 'flatten', false);
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', -1), shape.length);
    const step = { op: 'softmax', name: node.name, log } as const;
    // Old softmax runs over all axes from `axis` on; that is only different when more than one of them has an extent.
    if (!flatten || shape.slice(axis + 1).every((extent) => extent === 1)) {
      builder.steps.push({ ...step, inputs: [context.x()], outputs: [context.y()], axis });
      return;
    }
    const matrix = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
    const y = builder.extra(`${node.outputs[0]}.matrix`, matrix);
    builder.steps.push({ ...step, inputs: [builder.reshaped(context.x(), matrix)], outputs: [y], axis: 1 });
    builder.reshape(y, context.y());
  };

/** gamma and beta as the plan wants them, or none: both given, both of `shape`. */
function affine(context: LowerInput, shape: readonly number[], repeat: number): ValueIndex[] {
  const { builder, node } = context;
  const width = elementCount(shape);
  const vector = (index: number, fill: number): ValueIndex => {
    const hint = `${node.name}.${index === 1 ? 'gamma' : 'beta'}`;
    if (!context.has(index)) return builder.extra(hint, shape, new Float32Array(width).fill(fill));
    const count = elementCount(context.input(index).shape);
    if (count === width) return builder.reshaped(context.x(index), shape);
    const constant = context.constant(index);
    // Before operator set 21 group normalisation had one value per group; a layer's may be broadcast.
    if (!constant || (count !== 1 && count * repeat !== width))
      throw new UnsupportedNode(`scale and bias must have shape [${shape}]`);
    const data = float32Of(constant);
    return builder.extra(
      hint,
      shape,
      Float32Array.from({ length: width }, (_, i) => data[count === 1 ? 0 : Math.floor(i / repeat)]!),
    );
  };
  return context.has(1) || context.has(2) ? [vector(1, 1), vector(2, 0)] : [];
}

function pushGroups(context: LowerInput, groups: number): void {
  const { node, builder } = context;
  const channels = context.input(0).shape[1] ?? 0;
  if (channels % groups !== 0) throw new UnsupportedNode(`${channels} channels cannot be split into ${groups} groups`);
  builder.steps.push({
    op: 'normalize',
    name: node.name,
    inputs: [context.x(), ...affine(context, [channels], channels / groups)],
    outputs: [context.y()],
    kind: 'group',
    axis: 1,
    groups,
    epsilon: numberAttribute(node, 'epsilon', 1e-5),
    ...activationOnly(context),
  });
}

export const normalizationLowering: LowerRules = {
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  LayerNormalization: (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', -1), shape.length);
    builder.steps.push({
      op: 'normalize',
      name: node.name,
      inputs: [context.x(), ...affine(context, shape.slice(axis), 1)],
      outputs: [context.y()],
      kind: 'layer',
      axis,
      groups: 1,
      epsilon: numberAttribute(node, 'epsilon', 1e-5),
      ...activationOnly(context),
    });
  },
  GroupNormalization: (context) => pushGroups(context, numberAttribute(context.node, 'num_groups', 1)),
  InstanceNormalization: (context) => pushGroups(context, context.input(0).shape[1] ?? 1),
  BatchNormalization: (context) => {
    // A pass turns every batch normalisation it can into a channel scale; what is left cannot run.
    const training = flagAttribute(context.node, 'training_mode', false);
    throw new UnsupportedNode(
      training ? 'training mode' : 'its parameters must be known before the run, one per channel',
    );
  },
};
