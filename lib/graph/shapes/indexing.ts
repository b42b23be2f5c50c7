/** Operators that read, write or find positions, and quantised ones. */
import { numberAttribute } from '../attributes.js';
import { elementTypeOfCode } from '../element-type.js';
import { evaluateSelection } from '../evaluate/selection.js';
import { slidingWindow } from '../geometry.js';
import type { ElementType } from '../ir.js';
import { ShapeError } from '../shape-error.js';
import { linearShapes } from './linear.js';
import { knownNumbers, type RuleInput, resolveAxes, type ShapeRule, type ShapeRules, UnknownType } from './rule.js';

const likeFirst: ShapeRule = (context) => [context.input(0)];

/** Shapes that hang on elements: the inputs have to be known, and the operator is evaluated to find out. */
const selection: ShapeRule = (context) => {
  const { node } = context;
  for (const index of node.inputs.keys()) if (context.has(index)) context.input(index);
  for (const index of node.inputs.keys()) {
    if (context.has(index) && !context.constant(index)) throw new UnknownType(node.inputs[index]);
  }
  return evaluateSelection(context).map(({ type, shape }) => ({ type, shape }));
};

/** The element type of a zero point, or of an attribute with a `TensorProto` code. */
function zeroPointType(context: RuleInput, index: number): ElementType {
  if (context.has(index)) return context.input(index).type;
  const code = numberAttribute(context.node, 'output_dtype', 0);
  return (code !== 0 && elementTypeOfCode(code)) || 'uint8';
}

/** The shape of a product whose operands are not next to each other. */
const productOf = (context: RuleInput, left: number, right: number, type: ElementType) => {
  const operands: RuleInput = { ...context, input: (index) => context.input(index === 0 ? left : right) };
  return [{ type, shape: linearShapes['MatMul']!(operands)[0]!.shape }];
};

const convOf = (context: RuleInput, x: number, w: number, type: ElementType) => {
  const { shape } = context.input(x);
  const [outputs = Number.NaN, depth = Number.NaN, ...kernel] = context.input(w).shape;
  const groups = numberAttribute(context.node, 'group', 1);
  if (shape.length < 3 || kernel.length !== shape.length - 2 || depth * groups !== shape[1])
    throw new ShapeError(`weight [${context.input(w).shape}] with ${groups} groups does not fit [${shape}]`);
  return [{ type, shape: [shape[0]!, outputs, ...slidingWindow(context.node, shape.slice(2), kernel).output] }];
};

export const indexingShapes: ShapeRules = {
  NonZero: selection,
  NonMaxSuppression: selection,
  Compress: selection,
  Unique: selection,
  TopK: (context) => {
    const { type, shape } = context.input(0);
    const axis = resolveAxes([numberAttribute(context.node, 'axis', -1)], shape.length)[0]!;
    const [k = 0] = knownNumbers(context, 1);
    if (k < 0 || k > shape[axis]!) throw new ShapeError(`${k} of ${shape[axis]} elements are wanted`);
    const result = shape.map((extent, i) => (i === axis ? k : extent));
    return [
      { type, shape: result },
      { type: 'int64', shape: result },
    ];
  },
  OneHot: (context) => {
    const { shape } = context.input(0);
    const axis = resolveAxes([numberAttribute(context.node, 'axis', -1)], shape.length + 1)[0]!;
    const [depth = 0] = knownNumbers(context, 1);
    return [{ type: context.input(2).type, shape: [...shape.slice(0, axis), Math.trunc(depth), ...shape.slice(axis)] }];
  },
  GatherElements: (context) => [{ type: context.input(0).type, shape: context.input(1).shape }],
  GatherND: (context) => {
    const { type, shape } = context.input(0);
    const indices = context.input(1).shape;
    const batch = numberAttribute(context.node, 'batch_dims', 0);
    const depth = indices.at(-1) ?? 0;
    if (indices.length === 0 || batch + depth > shape.length)
      throw new ShapeError(`indices [${indices}] are deeper than [${shape}]`);
    return [{ type, shape: [...indices.slice(0, -1), ...shape.slice(batch + depth)] }];
  },
  ScatterElements: likeFirst,
  ScatterND: likeFirst,
  CumSum: likeFirst,
  Trilu: likeFirst,
  BitwiseNot: likeFirst,
  EyeLike: (context) => {
    const { type, shape } = context.input(0);
    const code = numberAttribute(context.node, 'dtype', 0);
    return [{ type: (code !== 0 && elementTypeOfCode(code)) || type, shape }];
  },
  QuantizeLinear: (context) => [{ type: zeroPointType(context, 2), shape: context.input(0).shape }],
  DequantizeLinear: (context) => [{ type: 'float32', shape: context.input(0).shape }],
  DynamicQuantizeLinear: (context) => [
    { type: 'uint8', shape: context.input(0).shape },
    { type: 'float32', shape: [] },
    { type: 'uint8', shape: [] },
  ],
  MatMulInteger: (context) => productOf(context, 0, 1, 'int32'),
  QLinearMatMul: (context) => productOf(context, 0, 3, context.input(7).type),
  ConvInteger: (context) => convOf(context, 0, 1, 'int32'),
  QLinearConv: (context) => convOf(context, 0, 3, context.input(7).type),
};
