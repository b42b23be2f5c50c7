/** Moving data: reshapes, transposes, slices, resizing. */
import { normalizeAxis, numberAttribute, numbersAttribute, stringAttribute } from '../attributes.js';
import { numbersOf, sameShape, scalarOf } from '../constant.js';
import { padGeometry, sliceGeometry } from '../shapes/movement.js';
import {
  type LowerInput,
  type LowerRule,
  type LowerRules,
  oneOf,
  requireConstant,
  UnsupportedNode,
} from './builder.js';
import { resize } from './resize.js';

const reshape: LowerRule = (context) => context.builder.reshape(context.x(), context.y());

/** reshape, transpose, reshape: how blocks of channels and of pixels change places. */
function shuffle(context: LowerInput, split: readonly number[], permutation: readonly number[]): void {
  const { builder, node } = context;
  const moved = builder.extra(
    `${node.name}.moved`,
    permutation.map((axis) => split[axis]!),
    undefined,
    builder.typeOf(context.x()),
  );
  builder.steps.push({
    op: 'transpose',
    name: node.name,
    inputs: [builder.reshaped(context.x(), split)],
    outputs: [moved],
    permutation,
  });
  builder.reshape(moved, context.y());
}

const padModes = ['constant', 'reflect', 'edge', 'wrap'] as const;
const gather: LowerRule = (context) => {
  const { node, builder } = context;
  const { shape } = context.input(0);
  const axis = normalizeAxis(node, numberAttribute(node, 'axis', 0), shape.length);
  const extent = shape[axis]!;
  const known = context.constant(1);
  if (!known) throw new UnsupportedNode('indices at run time');
  const indices = numbersOf(known).map((index) => (index < 0 ? index + extent : index));
  const outside = indices.find((index) => index < 0 || index >= extent);
  if (outside !== undefined) throw new UnsupportedNode(`index ${outside} is outside an extent of ${extent}`);
  const flat = shape.map((other, i) => (i === axis ? indices.length : other));
  const direct = sameShape(flat, context.outputShape());
  const y = direct ? context.y() : builder.extra(`${node.outputs[0]}.flat`, flat);
  builder.steps.push({ op: 'gather', name: node.name, inputs: [context.x()], outputs: [y], axis, indices });
  if (!direct) builder.reshape(y, context.y());
};

const tile: LowerRule = (context) => {
  const { node, builder } = context;
  const { shape } = context.input(0);
  const repeats = context.outputShape().map((extent, axis) => extent / shape[axis]!);
  // As [repeat, extent] per repeated axis a tile is a broadcast.
  const narrow = shape.flatMap((extent, axis) => (repeats[axis] === 1 ? [extent] : [1, extent]));
  const wide = shape.flatMap((extent, axis) => (repeats[axis] === 1 ? [extent] : [repeats[axis]!, extent]));
  const y = builder.extra(`${node.outputs[0]}.tiles`, wide, undefined, builder.typeOf(context.x()));
  builder.steps.push({ op: 'expand', name: node.name, inputs: [builder.reshaped(context.x(), narrow)], outputs: [y] });
  builder.reshape(y, context.y());
};

export const movementLowering: LowerRules = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    const permutation = numbersAttribute(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
    builder.steps.push({
      op: 'transpose',
      name: node.name,
      inputs: [context.x()],
      outputs: [context.y()],
      permutation,
    });
  },
  Concat: (context) => {
    const { node, builder } = context;
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', 0), context.outputShape().length);
    const inputs = node.inputs.map((_, index) => context.x(index));
    builder.steps.push({ op: 'concat', name: node.name, inputs, outputs: [context.y()], axis });
  },
  Split: (context) => {
    const { node, builder } = context;
    const axis = normalizeAxis(node, numberAttribute(node, 'axis', 0), context.input(0).shape.length);
    const outputs = node.outputs.map((_, index) => context.y(index));
    builder.steps.push({ op: 'split', name: node.name, inputs: [context.x()], outputs, axis });
  },
  Slice: (context) => {
    const { node, builder } = context;
    const { starts, steps } = sliceGeometry(context);
    builder.steps.push({ op: 'slice', name: node.name, inputs: [context.x()], outputs: [context.y()], starts, steps });
  },
  Pad: (context) => {
    const { node, builder } = context;
    const mode = oneOf(context, 'mode', padModes, 'constant');
    const value = context.has(2) ? scalarOf(requireConstant(context, 2, 'the pad value')) : 0;
    const { begins } = padGeometry(context);
    builder.steps.push({
      op: 'pad',
      name: node.name,
      inputs: [context.x()],
      outputs: [context.y()],
      mode,
      begins,
      value: value ?? 0,
    });
  },
  Expand: (context) => {
    context.builder.steps.push({
      op: 'expand',
      name: context.node.name,
      inputs: [context.x()],
      outputs: [context.y()],
    });
  },
  Tile: tile,
  Gather: gather,
  Resize: resize,
  ChannelShuffle: (context) => {
    const groups = numberAttribute(context.node, 'group', 1);
    context.builder.steps.push({
      op: 'channelShuffle',
      name: context.node.name,
      inputs: [context.x()],
      outputs: [context.y()],
      groups,
    });
  },
  DepthToSpace: (context) => {
    const [n, c, h, w] = context.input(0).shape as [number, number, number, number];
    const b = numberAttribute(context.node, 'blocksize', 1);
    const inner = c / (b * b);
    // DCR: depth is [block row, block column, channel]; CRD: [channel, block row, block column].
    if (stringAttribute(context.node, 'mode', 'DCR') === 'CRD')
      shuffle(context, [n, inner, b, b, h, w], [0, 1, 4, 2, 5, 3]);
    else shuffle(context, [n, b, b, inner, h, w], [0, 3, 4, 1, 5, 2]);
  },
  SpaceToDepth: (context) => {
    const [n, c, h, w] = context.input(0).shape as [number, number, number, number];
    const b = numberAttribute(context.node, 'blocksize', 1);
    shuffle(context, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4]);
  },
};
