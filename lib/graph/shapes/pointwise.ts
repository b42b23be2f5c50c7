/** Operators that compute each element by itself, with broadcasting. */
import { flagAttribute, numberAttribute } from '../attributes.js';
import { elementTypeOfCode } from '../element-type.js';
import type { ElementType } from '../ir.js';
import { ShapeError } from '../shape-error.js';
import {
  broadcastShapes,
  type RuleInput,
  resolveAxes,
  type ShapeRule,
  type ShapeRules,
  type TensorType,
} from './rule.js';

const same: ShapeRule = (context) => [context.input(0)];

const inputs = (context: RuleInput): TensorType[] =>
  context.node.inputs.flatMap((name, index) => (name === '' ? [] : [context.input(index)]));

const broadcast =
  (type?: ElementType): ShapeRule =>
  (context) => {
    const all = inputs(context);
    if (all.length === 0) throw new ShapeError('no inputs');
    return [{ type: type ?? all[0]!.type, shape: broadcastShapes(...all.map(({ shape }) => shape)) }];
  };

const each = (ops: string, rule: ShapeRule): ShapeRules => Object.fromEntries(ops.split(' ').map((op) => [op, rule]));

const unary =
  'Relu Clip LeakyRelu Elu Selu Celu ThresholdedRelu Softplus Softsign Mish Sigmoid HardSigmoid HardSwish Silu Tanh Gelu ' +
  'Abs Neg Exp Log Sqrt Reciprocal Floor Ceil Round Sign Erf Not Identity Swish Shrink ' +
  'Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh ' +
  'Softmax LogSoftmax Hardmax LRN LpNormalization MeanVarianceNormalization RMSNormalization ' +
  'InstanceNormalization GroupNormalization ' +
  'ChannelScale ChannelShuffle SqueezeExcite';

export const pointwiseShapes: ShapeRules = {
  ...each(unary, same),
  ...each('Add Sub Mul Div Pow Min Max Sum Mean Mod BitShift BitwiseAnd BitwiseOr BitwiseXor', broadcast()),
  PRelu: (context) => (flagAttribute(context.node, 'alongChannels', false) ? same(context) : broadcast()(context)),
  ...each('Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor', broadcast('bool')),
  ...each('IsNaN IsInf', (context) => [{ type: 'bool', shape: context.input(0).shape }]),
  Dropout: (context) => {
    const x = context.input(0);
    return [x, { type: 'bool', shape: x.shape }];
  },
  BatchNormalization: (context) => {
    // The statistics of the batch follow in training mode.
    const perChannel = { type: context.input(0).type, shape: [context.input(0).shape[1] ?? 1] };
    return [context.input(0), perChannel, perChannel];
  },
  LayerNormalization: (context) => {
    const { type, shape } = context.input(0);
    const [axis = 0] = resolveAxes([numberAttribute(context.node, 'axis', -1)], shape.length);
    const statistics = { type, shape: shape.map((extent, i) => (i < axis ? extent : 1)) };
    return [context.input(0), statistics, statistics];
  },
  Where: (context) => [
    {
      type: context.input(1).type,
      shape: broadcastShapes(context.input(0).shape, context.input(1).shape, context.input(2).shape),
    },
  ],
  Cast: (context) => {
    const code = numberAttribute(context.node, 'to', 0);
    const type = elementTypeOfCode(code);
    if (!type) throw new ShapeError(`element type ${code} is not supported`);
    return [{ type, shape: context.input(0).shape }];
  },
  CastLike: (context) => [{ type: context.input(1).type, shape: context.input(0).shape }],
};
