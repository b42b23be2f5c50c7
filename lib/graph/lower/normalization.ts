/** Softmax and the normalisations whose statistics depend on the input. */
import { flagAttribute, normalizeAxis, numberAttribute, numbersAttribute } from '../attributes.js';
import { elementCount, float32Of } from '../constant.js';
import type { ValueIndex } from '../plan-spec.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';
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

/** The mean over `axes`, what is left without it, and the mean of its squares. */
function moments(compose: Composer, x: ValueIndex, axes: readonly number[]) {
  const mean = compose.reduce('mean', x, axes);
  const centered = compose.binary('sub', x, mean);
  const variance = compose.reduce('mean', compose.binary('mul', centered, centered), axes);
  return { mean, centered, variance };
}

/** The second and third output of a layer normalisation: mean and inverse standard deviation. */
function layerStatistics(context: LowerInput, axis: number): void {
  const { node, builder } = context;
  const wanted = (index: number) => (node.outputs[index] ?? '') !== '';
  if (!wanted(1) && !wanted(2)) return;
  const compose = new Composer(context);
  const axes = context
    .input(0)
    .shape.map((_, i) => i)
    .slice(axis);
  const { mean, variance } = moments(compose, context.x(), axes);
  if (wanted(1)) builder.reshape(mean, context.y(1));
  if (!wanted(2)) return;
  const stable = compose.binary('add', variance, compose.scalar(numberAttribute(node, 'epsilon', 1e-5)));
  compose.unary('reciprocal', compose.unary('sqrt', stable), context.y(2));
}

/**
 * A pass turns every batch normalisation whose parameters are known into a channel scale. This is the rest: parameters of
 * the run, and training mode, which normalises with the statistics of the batch and returns the updated ones.
 */
const batchNormalization: LowerRule = (context) => {
  const { node } = context;
  const { shape } = context.input(0);
  const compose = new Composer(context);
  const perChannel = shape.map((extent, axis) => (axis === 1 ? extent : 1));
  const along = (index: ValueIndex) => compose.reshaped(index, perChannel);
  const training = flagAttribute(node, 'training_mode', false);
  let mean = along(context.x(3));
  let variance = along(context.x(4));
  let centered: ValueIndex | undefined;
  if (training) {
    const momentum = numberAttribute(node, 'momentum', 0.9);
    const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const batch = moments(compose, context.x(), axes);
    for (const [index, running, current] of [
      [1, mean, batch.mean],
      [2, variance, batch.variance],
    ] as const) {
      if ((node.outputs[index] ?? '') === '') continue;
      const kept = compose.binary('mul', running, compose.scalar(momentum));
      const joined = compose.binary('add', kept, compose.binary('mul', current, compose.scalar(1 - momentum)));
      context.builder.reshape(joined, context.y(index));
    }
    ({ mean, variance, centered } = batch);
  }
  centered ??= compose.binary('sub', context.x(), mean);
  const stable = compose.binary('add', variance, compose.scalar(numberAttribute(node, 'epsilon', 1e-5)));
  const scale = compose.binary('div', along(context.x(1)), compose.unary('sqrt', stable));
  compose.binary('add', compose.binary('mul', centered, scale), along(context.x(2)), context.y());
};

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
    layerStatistics(context, axis);
  },
  GroupNormalization: (context) => pushGroups(context, numberAttribute(context.node, 'num_groups', 1)),
  InstanceNormalization: (context) => pushGroups(context, context.input(0).shape[1] ?? 1),
  BatchNormalization: batchNormalization,
  LRN: (context) => {
    const { node, builder } = context;
    const size = numberAttribute(node, 'size', 0);
    if (size < 1) throw new UnsupportedNode(`size ${size} is not positive`);
    builder.steps.push({
      op: 'lrn',
      name: node.name,
      inputs: [context.x()],
      outputs: [context.y()],
      size,
      alpha: numberAttribute(node, 'alpha', 1e-4),
      beta: numberAttribute(node, 'beta', 0.75),
      bias: numberAttribute(node, 'bias', 1),
    });
  },
  Hardmax: (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', -1), shape.length);
    const step = { op: 'hardmax', name: node.name } as const;
    if (!flagAttribute(node, 'flatten', false)) {
      builder.steps.push({ ...step, inputs: [context.x()], outputs: [context.y()], axis });
      return;
    }
    const matrix = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
    const y = builder.extra(`${node.outputs[0]}.matrix`, matrix);
    builder.steps.push({ ...step, inputs: [builder.reshaped(context.x(), matrix)], outputs: [y], axis: 1 });
    builder.reshape(y, context.y());
  },
  LpNormalization: (context) => {
    const { node } = context;
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', -1), context.input(0).shape.length);
    const p = numberAttribute(node, 'p', 2);
    if (p !== 1 && p !== 2) throw new UnsupportedNode(`p ${p} (supported: 1, 2)`);
    const compose = new Composer(context);
    const norm = compose.reduce(p === 1 ? 'l1' : 'l2', context.x(), [axis]);
    // Zeros stay zeros: their norm is taken for the smallest normal number.
    compose.binary('div', context.x(), compose.binary('max', norm, compose.scalar(2 ** -126)), context.y());
  },
  // The standard's own definition, with the epsilon of its function body.
  MeanVarianceNormalization: (context) => {
    const { node } = context;
    const rank = context.input(0).shape.length;
    const axes = (numbersAttribute(node, 'axes') ?? [0, 2, 3]).map((axis) => normalizeAxis(node, axis, rank));
    const compose = new Composer(context);
    const { centered, variance } = moments(compose, context.x(), axes);
    const deviation = compose.binary('add', compose.unary('sqrt', variance), compose.scalar(1e-9));
    compose.binary('div', centered, deviation, context.y());
  },
  RMSNormalization: (context) => {
    const { node } = context;
    const { shape } = context.input(0);
    const first = normalizeAxis(node, numberAttribute(node, 'axis', -1), shape.length);
    const axes = shape.map((_, axis) => axis).slice(first);
    const compose = new Composer(context);
    const mean = compose.reduce('mean', compose.binary('mul', context.x(), context.x()), axes);
    const stable = compose.binary('add', mean, compose.scalar(numberAttribute(node, 'epsilon', 1e-5)));
    const normal = compose.binary('div', context.x(), compose.unary('sqrt', stable));
    compose.binary('mul', normal, context.x(1), context.y());
  },
};
