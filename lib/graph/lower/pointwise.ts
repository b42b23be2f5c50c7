/** Elementwise operators. Those that ONNX gives any number of operands become chains of two. */
import { activationOf } from '../activations.js';
import { flagAttribute, numberAttribute } from '../attributes.js';
import { elementCount } from '../constant.js';
import { isFloat } from '../element-type.js';
import type { BinaryFunction, UnaryFunction, ValueIndex } from '../plan-spec.js';
import { broadcastShapes } from '../shapes/rule.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';
import { activationOnly } from './epilogue.js';

function pushUnary(context: LowerInput, fn: UnaryFunction, alpha = 0, beta = 0): void {
  context.builder.steps.push({
    op: 'unary',
    name: context.node.name,
    inputs: [context.x()],
    outputs: [context.y()],
    fn,
    alpha,
    beta,
  });
}

const activation: LowerRule = (context) => {
  const found = activationOf(context.node, context.builder.analysis.constants);
  if (!found) throw new UnsupportedNode('its parameters must be known before the run');
  pushUnary(context, found.kind as UnaryFunction, found.alpha, found.beta);
};

const unary =
  (fn: UnaryFunction): LowerRule =>
  (context) =>
    pushUnary(context, fn);

function pushBinary(context: LowerInput, fn: BinaryFunction, finish?: (sum: ValueIndex) => void): void {
  const { node, builder } = context;
  const last = node.inputs.length - 1;
  if (last === 0) {
    pushUnary(context, 'identity');
    return;
  }
  let left = context.x(0);
  for (let index = 1; index <= last; index++) {
    const right = context.x(index);
    const isLast = index === last;
    const partial = () =>
      builder.extra(`${node.outputs[0]}.${index}`, broadcastShapes(builder.shapeOf(left), builder.shapeOf(right)));
    const y = isLast && !finish ? context.y() : partial();
    const name = last === 1 ? node.name : `${node.name}.${index}`;
    builder.steps.push({
      op: 'binary',
      name,
      inputs: [left, right],
      outputs: [y],
      fn,
      ...(isLast && activationOnly(context)),
    });
    left = y;
  }
  finish?.(left);
}

const binary =
  (fn: BinaryFunction): LowerRule =>
  (context) =>
    pushBinary(context, fn);

const mean: LowerRule = (context) => {
  const count = context.node.inputs.length;
  if (count === 1) return pushUnary(context, 'identity');
  return pushBinary(context, 'add', (sum) => {
    const compose = new Composer(context);
    compose.binary('mul', sum, compose.scalar(1 / count), context.y());
  });
};

/** Bounds that only the run knows. */
const clip: LowerRule = (context) => {
  if (activationOf(context.node, context.builder.analysis.constants)) return activation(context);
  const compose = new Composer(context);
  const low = context.has(1) ? compose.reshaped(context.x(1), []) : undefined;
  const high = context.has(2) ? compose.reshaped(context.x(2), []) : undefined;
  const raised =
    low === undefined
      ? context.x()
      : compose.binary('max', context.x(), low, high === undefined ? context.y() : undefined);
  if (high !== undefined) compose.binary('min', raised, high, context.y());
};

const prelu: LowerRule = (context) => {
  const { shape } = context.input(0);
  const slopes = elementCount(context.input(1).shape);
  if (!flagAttribute(context.node, 'alongChannels', false) || slopes === 1) return pushBinary(context, 'prelu');
  if (slopes !== shape[1]) throw new UnsupportedNode(`${slopes} slopes for ${shape[1]} channels`);
  const compose = new Composer(context);
  const perChannel = shape.map((extent, axis) => (axis === 1 ? extent : 1));
  compose.binary('prelu', context.x(), compose.reshaped(context.x(1), perChannel), context.y());
};

const parameter =
  (fn: UnaryFunction, alpha: readonly [string, number], beta: readonly [string, number] = ['', 0]): LowerRule =>
  (context) => {
    const value = ([name, fallback]: readonly [string, number]) => numberAttribute(context.node, name, fallback);
    pushUnary(context, fn, value(alpha), value(beta));
  };

/** alpha * elu(x / alpha), which for a positive alpha is what the standard writes with a maximum and a minimum. */
const celu: LowerRule = (context) => {
  const alpha = numberAttribute(context.node, 'alpha', 1);
  if (!(alpha > 0)) throw new UnsupportedNode(`alpha ${alpha} is not positive`);
  const compose = new Composer(context);
  const inner = compose.binary('div', context.x(), compose.scalar(alpha));
  compose.binary('mul', compose.unary('elu', inner, undefined, 1), compose.scalar(alpha), context.y());
};

const swish: LowerRule = (context) => {
  const alpha = numberAttribute(context.node, 'alpha', 1);
  if (alpha === 1) return pushUnary(context, 'silu');
  const compose = new Composer(context);
  const gate = compose.unary('sigmoid', compose.binary('mul', context.x(), compose.scalar(alpha)));
  compose.binary('mul', context.x(), gate, context.y());
};

export const pointwiseLowering: LowerRules = {
  ...Object.fromEntries(
    ['Relu', 'LeakyRelu', 'HardSigmoid', 'HardSwish', 'Sigmoid', 'Silu', 'Tanh', 'Gelu'].map((op) => [op, activation]),
  ),
  Abs: unary('abs'),
  Neg: unary('neg'),
  Exp: unary('exp'),
  Log: unary('log'),
  Sqrt: unary('sqrt'),
  Reciprocal: unary('reciprocal'),
  Floor: unary('floor'),
  Ceil: unary('ceil'),
  Round: unary('round'),
  Sign: unary('sign'),
  Erf: unary('erf'),
  Softplus: unary('softplus'),
  Mish: unary('mish'),
  Clip: clip,
  Elu: parameter('elu', ['alpha', 1]),
  Selu: parameter('selu', ['alpha', 1.6732631921768188], ['gamma', 1.0507010221481323]),
  Celu: celu,
  ThresholdedRelu: parameter('thresholdedRelu', ['alpha', 1]),
  Shrink: parameter('shrink', ['lambd', 0.5], ['bias', 0]),
  Swish: swish,
  Softsign: unary('softsign'),
  Sin: unary('sin'),
  Cos: unary('cos'),
  Tan: unary('tan'),
  Asin: unary('asin'),
  Acos: unary('acos'),
  Atan: unary('atan'),
  Sinh: unary('sinh'),
  Cosh: unary('cosh'),
  Asinh: unary('asinh'),
  Acosh: unary('acosh'),
  Atanh: unary('atanh'),
  Identity: unary('identity'),
  Dropout: (context) => {
    const training = context.constant(2);
    if (context.has(2) && (!training || training.data[0])) throw new UnsupportedNode('training mode');
    pushUnary(context, 'identity');
  },
  Cast: (context) => {
    if (!isFloat(context.builder.analysis.types.get(context.node.outputs[0]!)!.type))
      throw new UnsupportedNode('integers at run time are not supported yet');
    pushUnary(context, 'identity');
  },
  Add: binary('add'),
  Sub: binary('sub'),
  Mul: binary('mul'),
  Div: binary('div'),
  Min: binary('min'),
  Max: binary('max'),
  Pow: binary('pow'),
  Mod: (context) => pushBinary(context, flagAttribute(context.node, 'fmod', false) ? 'fmod' : 'mod'),
  PRelu: prelu,
  Sum: binary('add'),
  Mean: mean,
};
