/** Convolution and pooling. One spatial axis runs as two, the first of extent 1. */
import { constantAttribute, flagAttribute, numberAttribute, numbersAttribute } from '../attributes.js';
import { float32Of } from '../constant.js';
import { slidingWindow, transposedWindow, type Window } from '../geometry.js';
import type { Pads, Pair, ValueIndex } from '../plan-spec.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';
import { activationOnly, planEpilogue } from './epilogue.js';
import { wovenConvTranspose } from './woven-conv.js';

/** [N, C, L] as [N, C, 1, L]; 4-D as it is. */
function asImage(shape: readonly number[]): readonly number[] {
  if (shape.length === 4) return shape;
  if (shape.length !== 3) throw new UnsupportedNode(`${shape.length - 2} spatial axes (1 and 2 are supported)`);
  return [shape[0]!, shape[1]!, 1, shape[2]!];
}

const pair = (values: readonly number[], fill: number): Pair =>
  values.length === 1 ? [fill, values[0]!] : [values[0]!, values[1]!];

function windowFields({ strides, dilations, begins, ends }: Window): { strides: Pair; dilations: Pair; pads: Pads } {
  if ([...begins, ...ends].some((pad) => pad < 0)) throw new UnsupportedNode('negative pads');
  const [top, left] = pair(begins, 0);
  const [bottom, right] = pair(ends, 0);
  return { strides: pair(strides, 1), dilations: pair(dilations, 1), pads: [top, left, bottom, right] };
}

/** Runs `emit` on images, with reshapes around it where the node is 1-D. */
function onImages(
  context: LowerInput,
  emit: (x: ValueIndex, y: ValueIndex, view: (index: ValueIndex) => ValueIndex) => void,
): void {
  const { builder } = context;
  const view = (index: ValueIndex) => builder.reshaped(index, asImage(builder.shapeOf(index)));
  const shape = context.outputShape();
  const image = asImage(shape);
  if (image === shape) {
    emit(context.x(), context.y(), view);
    return;
  }
  const result = builder.extra(`${context.node.outputs[0]}.image`, image);
  emit(view(context.x()), result, view);
  builder.reshape(result, context.y());
}

function biasOf(context: LowerInput): ValueIndex | undefined {
  return context.has(2) ? context.x(2) : undefined;
}

const conv: LowerRule = (context) => {
  const { node, builder } = context;
  const window = slidingWindow(node, context.input(0).shape.slice(2), context.input(1).shape.slice(2));
  const padValue = constantAttribute(node, 'padValue');
  onImages(context, (x, y, view) => {
    builder.steps.push({
      op: 'conv2d',
      name: node.name,
      inputs: [x, view(context.x(1))],
      outputs: [y],
      ...windowFields(window),
      groups: numberAttribute(node, 'group', 1),
      ...(padValue && { padValue: builder.extra(`${node.name}.padValue`, padValue.shape, float32Of(padValue)) }),
      ...planEpilogue(context, biasOf(context), view),
    });
  });
};

const convTranspose: LowerRule = (context) => {
  const { node, builder } = context;
  const window = transposedWindow(node, context.input(0).shape.slice(2), context.input(1).shape.slice(2));
  if (wovenConvTranspose(context, window)) return;
  onImages(context, (x, y, view) => {
    builder.steps.push({
      op: 'convTranspose2d',
      name: node.name,
      inputs: [x, view(context.x(1))],
      outputs: [y],
      ...windowFields(window),
      groups: numberAttribute(node, 'group', 1),
      ...planEpilogue(context, biasOf(context), view),
    });
  });
};

const pool =
  (kind: 'max' | 'avg' | 'norm'): LowerRule =>
  (context) => {
    const { node, builder } = context;
    const kernel = numbersAttribute(node, 'kernel_shape') ?? [];
    const window = slidingWindow(node, context.input(0).shape.slice(2), kernel);
    if (kind === 'norm' || kernel.length > 2) {
      const { strides, dilations, begins, ends } = window;
      if ([...begins, ...ends].some((pad) => pad < 0)) throw new UnsupportedNode('negative pads');
      builder.steps.push({
        op: 'windowPool',
        name: node.name,
        inputs: [context.x()],
        outputs: [context.y()],
        kind,
        kernel,
        strides,
        dilations,
        begins,
        ends,
        countIncludePad: flagAttribute(node, 'count_include_pad', false),
        p: numberAttribute(node, 'p', 2),
      });
      return;
    }
    onImages(context, (x, y) => {
      builder.steps.push({
        op: 'pool2d',
        name: node.name,
        inputs: [x],
        outputs: [y],
        kind,
        kernel: pair(kernel, 1),
        ...windowFields(window),
        countIncludePad: kind === 'avg' && flagAttribute(node, 'count_include_pad', false),
      });
    });
  };

const globalPool =
  (kind: 'max' | 'avg'): LowerRule =>
  (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    if (shape.length === 4) {
      builder.steps.push({ op: 'globalPool', name: node.name, inputs: [context.x()], outputs: [context.y()], kind });
      return;
    }
    const axes = shape.map((_, axis) => axis).slice(2);
    builder.steps.push({
      op: 'reduce',
      name: node.name,
      inputs: [context.x()],
      outputs: [context.y()],
      fn: kind === 'avg' ? 'mean' : 'max',
      axes,
    });
  };

const globalNorm: LowerRule = (context) => {
  const { node } = context;
  const compose = new Composer(context);
  const p = numberAttribute(node, 'p', 2);
  const axes = context
    .input(0)
    .shape.map((_, axis) => axis)
    .slice(2);
  if (p === 1 || p === 2) {
    compose.reduce(p === 1 ? 'l1' : 'l2', context.x(), axes, context.y());
    return;
  }
  const powers = compose.binary('pow', compose.unary('abs', context.x()), compose.scalar(p));
  compose.binary('pow', compose.reduce('sum', powers, axes), compose.scalar(1 / p), context.y());
};

const squeezeExcite: LowerRule = (context) => {
  const { node, builder } = context;
  const activation = (prefix: string) => ({
    kind: String(node.attributes[prefix] ?? 'none'),
    alpha: numberAttribute(node, `${prefix}_alpha`, 0),
    beta: numberAttribute(node, `${prefix}_beta`, 0),
  });
  builder.steps.push({
    op: 'squeezeExcite',
    name: node.name,
    inputs: [0, 1, 2, 3, 4].map((index) => context.x(index)),
    outputs: [context.y()],
    activation: activation('activation'),
    gate: activation('gate'),
    addInput: flagAttribute(node, 'add_input', false),
  });
};

export const spatialLowering: LowerRules = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('max'),
  AveragePool: pool('avg'),
  LpPool: pool('norm'),
  GlobalLpPool: globalNorm,
  GlobalAveragePool: globalPool('avg'),
  GlobalMaxPool: globalPool('max'),
  SqueezeExcite: squeezeExcite,
  ChannelScale: (context) => {
    const { node, builder } = context;
    const inputs = node.inputs.flatMap((name, index) => (name === '' ? [] : [context.x(index)]));
    builder.steps.push({ op: 'scale', name: node.name, inputs, outputs: [context.y()], ...activationOnly(context) });
  },
};
