/**
 * Operators on integers and booleans, and those whose indices are computed at run time. They become `typed` steps: scalar
 * loops over row-major memory. Over 400 lines: one short rule per operator. Operators that only move data are those of movement.ts whatever the element type is.
 */
import { flagAttribute, normalizeAxis, numberAttribute, numbersAttribute, stringAttribute } from '../attributes.js';
import { constantOf, elementCount, numbersOf, sameShape, scalarOf } from '../constant.js';
import { isFloat } from '../element-type.js';
import { slidingWindow } from '../geometry.js';
import type { ElementType } from '../ir.js';
import type { TypedFunction, ValueIndex } from '../plan-spec.js';
import { reduceAxes } from '../shapes/linear.js';
import { padGeometry } from '../shapes/movement.js';
import { broadcastShapes } from '../shapes/rule.js';
import {
  checkTable,
  type LowerInput,
  type LowerRule,
  type LowerRules,
  requireConstant,
  UnsupportedNode,
} from './builder.js';
import { movementLowering } from './movement.js';

function push(
  context: LowerInput,
  fn: TypedFunction,
  inputs: readonly ValueIndex[],
  outputs: readonly ValueIndex[],
  integers: readonly number[] = [],
): void {
  if (context.node.epilogue) throw new UnsupportedNode('it has an epilogue, which only float32 operators take');
  context.builder.steps.push({ op: 'typed', name: context.node.name, fn, inputs, outputs, integers });
}

/** An intermediate result of the node. */
const between = (context: LowerInput, shape: readonly number[], type: ElementType): ValueIndex =>
  context.builder.extra(`${context.node.name}.between`, shape, undefined, type);

const scalar = (context: LowerInput, type: ElementType, value: number, shape: readonly number[] = []): ValueIndex => {
  const { data } = constantOf(type, shape, new Array<number>(elementCount(shape)).fill(value));
  return context.builder.extra(`${context.node.name}.constant`, shape, data, type);
};

/** Output `index`, or memory for it where the node leaves it out. */
const output = (context: LowerInput, index: number, shape: readonly number[], type: ElementType): ValueIndex =>
  (context.node.outputs[index] ?? '') === '' ? between(context, shape, type) : context.y(index);

const axisOf = (context: LowerInput, fallback: number, rank = context.input(0).shape.length): number =>
  normalizeAxis(context.node, numberAttribute(context.node, 'axis', fallback), rank);

/** The operator with all its operands and its first output, as they are. */
const direct =
  (fn: TypedFunction, integers: (context: LowerInput) => readonly number[] = () => []): LowerRule =>
  (context) =>
    push(
      context,
      fn,
      context.node.inputs.map((_, index) => context.x(index)),
      [context.y()],
      integers(context),
    );

/** Any number of operands, two by two. */
const chain =
  (fn: TypedFunction): LowerRule =>
  (context) => {
    const { builder, node } = context;
    const { type } = context.input(0);
    let left = context.x();
    if (node.inputs.length === 1) return builder.reshape(left, context.y());
    for (let index = 1; index < node.inputs.length; index++) {
      const right = context.x(index);
      const shape = broadcastShapes(builder.shapeOf(left), builder.shapeOf(right));
      const y = index === node.inputs.length - 1 ? context.y() : between(context, shape, type);
      push(context, fn, [left, right], [y]);
      left = y;
    }
  };

const swapped =
  (fn: TypedFunction): LowerRule =>
  (context) =>
    push(context, fn, [context.x(1), context.x(0)], [context.y()]);

const cast: LowerRule = (context) => {
  const from = context.input(0).type;
  const to = context.builder.analysis.types.get(context.node.outputs[0]!)!.type;
  if (from === to || (isFloat(from) && isFloat(to))) context.builder.reshape(context.x(), context.y());
  else push(context, 'cast', [context.x()], [context.y()]);
};

/** Bounds that are computed at run time, or integers. */
const clip: LowerRule = (context) => {
  const { shape, type } = context.input(0);
  const [low, high] = [context.has(1), context.has(2)];
  if (!low && !high) return context.builder.reshape(context.x(), context.y());
  const raised = low && high ? between(context, shape, type) : context.y();
  if (low) push(context, 'max', [context.x(), context.x(1)], [raised]);
  if (high) push(context, 'min', [low ? raised : context.x(), context.x(2)], [context.y()]);
};

const relu: LowerRule = (context) => {
  push(context, 'max', [context.x(), scalar(context, context.input(0).type, 0)], [context.y()]);
};

/** Where the elements of a padded axis come from, -1 for the padding value; what negative pads crop is gone first. */
function padPositions(mode: string, extent: number, begin: number, end: number): number[] {
  const low = Math.max(0, -begin);
  const kept = extent + Math.min(0, end) - low;
  checkTable(extent + begin + end);
  const modulo = (a: number, b: number) => ((a % b) + b) % b;
  return Array.from({ length: extent + begin + end }, (_, i) => {
    let p = i - begin - low;
    if (p >= 0 && p < kept) return p + low;
    if (mode === 'constant') return -1;
    if (kept < 1) throw new UnsupportedNode('an axis has nothing to repeat');
    if (mode === 'edge') p = p < 0 ? 0 : kept - 1;
    else if (mode === 'wrap') p = modulo(p, kept);
    else {
      p = kept === 1 ? 0 : modulo(p, 2 * (kept - 1));
      if (p >= kept) p = 2 * (kept - 1) - p;
    }
    return p + low;
  });
}

const pad: LowerRule = (context) => {
  const { shape, type } = context.input(0);
  const { begins, ends } = padGeometry(context);
  const mode = stringAttribute(context.node, 'mode', 'constant');
  if (!['constant', 'reflect', 'edge', 'wrap'].includes(mode)) throw new UnsupportedNode(`mode '${mode}'`);
  const fill = context.has(2) ? context.x(2) : scalar(context, type, 0);
  const integers = shape.flatMap((extent, axis) => {
    const positions = padPositions(mode, extent, begins[axis]!, ends[axis]!);
    return [positions.length, ...positions];
  });
  push(context, 'take', [context.x(), fill], [context.y()], integers);
};

const reduce =
  (make: (context: LowerInput, axes: readonly number[], x: ValueIndex, y: ValueIndex) => void): LowerRule =>
  (context) => {
    const axes = reduceAxes(context);
    if (axes.length === 0) return context.builder.reshape(context.x(), context.y());
    make(context, axes, context.x(), context.y());
  };

/** `before` applied to x, as the operand of a sum. */
const sumOf = (before: (context: LowerInput, x: ValueIndex, y: ValueIndex) => void): LowerRule =>
  reduce((context, axes, x, y) => {
    const { shape, type } = context.input(0);
    const operand = between(context, shape, type);
    before(context, x, operand);
    push(context, 'reduceSum', [operand], [y], axes);
  });

const arg = (largest: boolean): LowerRule =>
  direct('arg', (context) => [
    axisOf(context, 0),
    Number(largest),
    Number(flagAttribute(context.node, 'select_last_index', false)),
  ]);

const topK: LowerRule = (context) => {
  const { node } = context;
  const { type } = context.input(0);
  const shape = context.outputShape(node.outputs[0] ? 0 : 1);
  const outputs = [output(context, 0, shape, type), output(context, 1, shape, 'int64')];
  push(context, 'topK', [context.x()], outputs, [axisOf(context, -1), Number(flagAttribute(node, 'largest', true))]);
};

const combines = ['none', 'add', 'mul', 'min', 'max'];

function reductionOf(context: LowerInput): number {
  const reduction = stringAttribute(context.node, 'reduction', 'none');
  const index = combines.indexOf(reduction);
  if (index < 0) throw new UnsupportedNode(`reduction '${reduction}' (supported: ${combines.join(', ')})`);
  return index;
}

const oneHot: LowerRule = (context) => {
  const rank = context.outputShape().length;
  push(context, 'oneHot', [context.x(0), context.x(2)], [context.y()], [axisOf(context, -1, rank)]);
};

const cumulativeSum: LowerRule = (context) => {
  const [axis = 0] = numbersOf(requireConstant(context, 1, 'the axis'));
  push(
    context,
    'cumulativeSum',
    [context.x()],
    [context.y()],
    [
      normalizeAxis(context.node, axis, context.input(0).shape.length),
      Number(flagAttribute(context.node, 'exclusive', false)),
      Number(flagAttribute(context.node, 'reverse', false)),
    ],
  );
};

const triangle: LowerRule = (context) => {
  const k = context.has(1) ? (scalarOf(requireConstant(context, 1, 'the diagonal')) ?? 0) : 0;
  push(context, 'triangle', [context.x()], [context.y()], [Number(flagAttribute(context.node, 'upper', true)), k]);
};

/** One spatial axis as two, the first of extent 1. */
const asImage = (shape: readonly number[]): readonly number[] => {
  if (shape.length === 4) return shape;
  if (shape.length !== 3) throw new UnsupportedNode(`${shape.length - 2} spatial axes (1 and 2 are supported)`);
  return [shape[0]!, shape[1]!, 1, shape[2]!];
};
const asPair = (values: readonly number[], fill: number): readonly number[] =>
  values.length === 1 ? [fill, values[0]!] : values;

/** Runs `emit` with outputs of rank 4 and gives the node's own outputs their shape. */
function onImages(context: LowerInput, types: readonly ElementType[], emit: (outputs: ValueIndex[]) => void): void {
  const { builder, node } = context;
  const given = node.outputs.findIndex((name) => name !== '');
  const shape = context.outputShape(given);
  const image = asImage(shape);
  const isImage = sameShape(image, shape);
  const outputs = types.map((type, i) => (isImage ? output(context, i, image, type) : between(context, image, type)));
  emit(outputs);
  if (isImage) return;
  for (const [i, value] of outputs.entries()) if (node.outputs[i]) builder.reshape(value, context.y(i));
}

const maxPool: LowerRule = (context) => {
  const { node, builder } = context;
  const { shape, type } = context.input(0);
  const kernel = numbersAttribute(node, 'kernel_shape') ?? [];
  const { strides, dilations, begins } = slidingWindow(node, shape.slice(2), kernel);
  onImages(context, [type, 'int64'], (outputs) => {
    push(context, 'maxPool', [builder.reshaped(context.x(), asImage(shape))], outputs, [
      ...asPair(kernel, 1),
      ...asPair(strides, 1),
      ...asPair(dilations, 1),
      ...asPair(begins, 0),
      numberAttribute(node, 'storage_order', 0),
    ]);
  });
};

/** A zero point: the input, or as many zeros as there are scales. */
function zeroPoint(context: LowerInput, index: number, type: ElementType, shape: readonly number[] = []): ValueIndex {
  return context.has(index) ? context.x(index) : scalar(context, type, 0, shape);
}

const quantization =
  (fn: 'quantize' | 'dequantize'): LowerRule =>
  (context) => {
    const { node } = context;
    const result = context.builder.analysis.types.get(node.outputs[0]!)!.type;
    const rank = context.input(0).shape.length;
    const scale = context.input(1);
    const single = elementCount(scale.shape) === 1;
    const axis = single && scale.shape.length < 2 ? 0 : axisOf(context, 1);
    if (rank > 0 && axis >= rank) throw new UnsupportedNode(`axis ${axis} is outside a tensor of rank ${rank}`);
    const type = fn === 'quantize' ? result : context.input(0).type;
    push(
      context,
      fn,
      [context.x(0), context.x(1), zeroPoint(context, 2, type, scale.shape)],
      [context.y()],
      [axis, single ? 0 : numberAttribute(node, 'block_size', 0)],
    );
  };

/** Batch, rows, inner extent and columns of a matrix product whose operands have at least two axes. */
function matrices(context: LowerInput, a: number, b: number): number[] {
  const left = context.input(a).shape;
  const right = context.input(b).shape;
  if (left.length < 2 || right.length < 2) throw new UnsupportedNode('vectors');
  const batch = left.slice(0, -2);
  const shared = elementCount(right.slice(0, -2)) === 1;
  if (!shared && !sameShape(batch, right.slice(0, -2))) throw new UnsupportedNode('batches that broadcast');
  return [elementCount(batch), left.at(-2)!, left.at(-1)!, right.at(-1)!, Number(!shared)];
}

const matmulInteger: LowerRule = (context) =>
  push(
    context,
    'integerMatmul',
    [
      context.x(0),
      context.x(1),
      zeroPoint(context, 2, context.input(0).type),
      zeroPoint(context, 3, context.input(1).type),
    ],
    [context.y()],
    matrices(context, 0, 1),
  );

/** inputs a, scale, zero, b, scale, zero, y scale, zero */
const qLinearMatmul: LowerRule = (context) => {
  const shape = context.outputShape();
  const sums = between(context, shape, 'int32');
  const operands = [context.x(0), context.x(3), context.x(2), context.x(5)];
  push(context, 'integerMatmul', operands, [sums], matrices(context, 0, 3));
  push(
    context,
    'requantize',
    [sums, context.x(1), context.x(4), context.x(6), context.x(7)],
    [context.y()],
    [shape.length - 1],
  );
};

function pushConv(context: LowerInput, operands: readonly ValueIndex[], x: number, w: number, y: ValueIndex): void {
  const { node, builder } = context;
  const window = slidingWindow(node, context.input(x).shape.slice(2), context.input(w).shape.slice(2));
  const view = (index: ValueIndex) => builder.reshaped(index, asImage(builder.shapeOf(index)));
  push(
    context,
    'integerConv',
    [view(operands[0]!), view(operands[1]!), ...operands.slice(2)],
    [y],
    [
      ...asPair(window.strides, 1),
      ...asPair(window.dilations, 1),
      ...asPair(window.begins, 0),
      numberAttribute(node, 'group', 1),
    ],
  );
}

const convInteger: LowerRule = (context) => {
  const zeros = [2, 3].map((index) => zeroPoint(context, index, context.input(index - 2).type));
  onImages(context, ['int32'], ([y]) => pushConv(context, [context.x(0), context.x(1), ...zeros], 0, 1, y!));
};

/** inputs x, scale, zero, w, scale, zero, y scale, zero, bias */
const qLinearConv: LowerRule = (context) => {
  const bias = context.has(8) ? [context.x(8)] : [];
  const operands = [context.x(0), context.x(3), context.x(2), context.x(5), ...bias];
  const { type } = context.input(7);
  onImages(context, [type], ([y]) => {
    const sums = between(context, context.builder.shapeOf(y!), 'int32');
    pushConv(context, operands, 0, 3, sums);
    push(context, 'requantize', [sums, context.x(1), context.x(4), context.x(6), context.x(7)], [y!], [1]);
  });
};

/** At inference the mask is all true. */
const dropout: LowerRule = (context) => {
  const { node, builder } = context;
  const training = context.has(2) ? scalarOf(requireConstant(context, 2, 'training_mode')) : 0;
  if (training) throw new UnsupportedNode('training mode');
  if (node.outputs[0]) builder.reshape(context.x(), context.y());
  if (!node.outputs[1]) return;
  builder.steps.push({
    op: 'expand',
    name: node.name,
    inputs: [scalar(context, 'bool', 1)],
    outputs: [context.y(1)],
  });
};

export const typedLowering: LowerRules = {
  ...Object.fromEntries(
    [
      'Reshape',
      'Flatten',
      'Squeeze',
      'Unsqueeze',
      'Transpose',
      'Concat',
      'Split',
      'Slice',
      'Expand',
      'Tile',
      'DepthToSpace',
      'SpaceToDepth',
    ].map((op) => [op, movementLowering[op]!]),
  ),
  Identity: (context) => context.builder.reshape(context.x(), context.y()),
  Dropout: dropout,
  Cast: cast,
  CastLike: cast,
  Clip: clip,
  Relu: relu,
  Pad: pad,
  Add: chain('add'),
  Sub: chain('sub'),
  Mul: chain('mul'),
  Div: chain('div'),
  Min: chain('min'),
  Max: chain('max'),
  Sum: chain('add'),
  Mod: (context) => chain(flagAttribute(context.node, 'fmod', false) ? 'fmod' : 'mod')(context),
  Pow: direct('pow'),
  BitwiseAnd: chain('bitAnd'),
  BitwiseOr: chain('bitOr'),
  BitwiseXor: chain('bitXor'),
  BitwiseNot: direct('bitNot'),
  BitShift: (context) =>
    chain(stringAttribute(context.node, 'direction', 'LEFT') === 'RIGHT' ? 'shiftRight' : 'shiftLeft')(context),
  Neg: direct('neg'),
  Abs: direct('abs'),
  Sign: direct('sign'),
  Equal: direct('equal'),
  Less: direct('less'),
  LessOrEqual: direct('lessOrEqual'),
  Greater: swapped('less'),
  GreaterOrEqual: swapped('lessOrEqual'),
  And: direct('and'),
  Or: direct('or'),
  Xor: direct('xor'),
  Not: direct('not'),
  IsNaN: direct('isNaN'),
  IsInf: direct('isInf', ({ node }) => [
    numberAttribute(node, 'detect_negative', 1),
    numberAttribute(node, 'detect_positive', 1),
  ]),
  Where: direct('where'),
  ReduceSum: reduce((context, axes, x, y) => push(context, 'reduceSum', [x], [y], axes)),
  ReduceProd: reduce((context, axes, x, y) => push(context, 'reduceProd', [x], [y], axes)),
  ReduceMax: reduce((context, axes, x, y) => push(context, 'reduceMax', [x], [y], axes)),
  ReduceMin: reduce((context, axes, x, y) => push(context, 'reduceMin', [x], [y], axes)),
  ReduceL1: sumOf((context, x, y) => push(context, 'abs', [x], [y])),
  ReduceSumSquare: sumOf((context, x, y) => push(context, 'mul', [x, x], [y])),
  ReduceMean: reduce((context, axes, x, y) => {
    const { shape, type } = context.input(0);
    const sum = between(context, context.outputShape(), type);
    push(context, 'reduceSum', [x], [sum], axes);
    const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
    push(context, 'div', [sum, scalar(context, type, count)], [y]);
  }),
  ArgMax: arg(true),
  ArgMin: arg(false),
  TopK: topK,
  Gather: direct('gather', (context) => [axisOf(context, 0)]),
  GatherElements: direct('gatherElements', (context) => [axisOf(context, 0)]),
  GatherND: direct('gatherNd', ({ node }) => [numberAttribute(node, 'batch_dims', 0)]),
  ScatterElements: direct('scatterElements', (context) => [axisOf(context, 0), reductionOf(context)]),
  ScatterND: direct('scatterNd', (context) => [reductionOf(context)]),
  OneHot: oneHot,
  CumSum: cumulativeSum,
  Trilu: triangle,
  MaxPool: maxPool,
  QuantizeLinear: quantization('quantize'),
  DequantizeLinear: quantization('dequantize'),
  DynamicQuantizeLinear: (context) => {
    const { shape } = context.input(0);
    const outputs = [
      output(context, 0, shape, 'uint8'),
      output(context, 1, [], 'float32'),
      output(context, 2, [], 'uint8'),
    ];
    push(context, 'dynamicQuantize', [context.x()], outputs);
  },
  MatMulInteger: matmulInteger,
  QLinearMatMul: qLinearMatmul,
  ConvInteger: convInteger,
  QLinearConv: qLinearConv,
};
