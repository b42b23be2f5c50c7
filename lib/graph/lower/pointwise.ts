/** Elementwise operators. Those that ONNX gives any number of operands become chains of two. */
import { activationOf } from '../activations.js';
import { numberAttribute } from '../attributes.js';
import { isFloat } from '../element-type.js';
import type { BinaryFunction, UnaryFunction, ValueIndex } from '../plan-spec.js';
import { broadcastShapes } from '../shapes/rule.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
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
  const { node, builder } = context;
  const count = node.inputs.length;
  if (count === 1) return pushUnary(context, 'identity');
  return pushBinary(context, 'add', (sum) => {
    const share = builder.extra(`${node.name}.share`, [1], Float32Array.of(1 / count));
    builder.steps.push({ op: 'scale', name: `${node.name}.mean`, inputs: [sum, share], outputs: [context.y()] });
  });
};

export const pointwiseLowering: LowerRules = {
  ...Object.fromEntries(
    ['Relu', 'Clip', 'LeakyRelu', 'HardSigmoid', 'HardSwish', 'Sigmoid', 'Silu', 'Tanh', 'Gelu'].map((op) => [
      op,
      activation,
    ]),
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
  Elu: (context) => pushUnary(context, 'elu', numberAttribute(context.node, 'alpha', 1)),
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
  PRelu: binary('prelu'),
  Sum: binary('add'),
  Mean: mean,
};
