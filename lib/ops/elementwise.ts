/** Operators on single elements: functions of one tensor, and of two that broadcast. */
import { describe } from '../describe.js';
import type { BinaryFunction, UnaryFunction } from '../graph/plan-spec.js';
import { checkFloat32, Tensor } from '../tensor.js';
import { type Activation, checkPlainActivation } from './activation.js';
import { broadcastShape } from './broadcast.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkNumber, checkOptions } from './options.js';

export interface BinaryOptions extends OperatorOptions {
  /** Applied to the result; any but prelu. */
  readonly activation?: Activation | undefined;
}

/**
 * A function of two operands, element by element; shapes broadcast as in NumPy, a number stands for a tensor of it.
 * TypeError: an operand is neither a float32 Tensor nor a number (one has to be a tensor), or an option is unknown.
 * RangeError: the shapes do not broadcast.
 */
export type BinaryOperator = (a: Tensor | number, b: Tensor | number, options?: BinaryOptions) => Tensor;

const scalar = (value: number): Tensor => new Tensor('float32', Float32Array.of(value), []);

function binary(op: string, fn: BinaryFunction): BinaryOperator {
  return (a, b, options) => {
    const o = checkOptions(op, options, ['activation', ...operatorNames]);
    if (typeof a === 'number' && typeof b === 'number')
      throw new TypeError(`${op}: a: expected a float32 Tensor where b is a number, got ${describe(a)}`);
    const operands = [
      checkFloat32(op, 'a', typeof a === 'number' ? scalar(a) : a),
      checkFloat32(op, 'b', typeof b === 'number' ? scalar(b) : b),
    ] as const;
    const shape = broadcastShape(op, operands[0].shape, operands[1].shape);
    const plan = new OneStep(op);
    const y = plan.value('y', shape);
    const inputs = [plan.input('a', operands[0]), plan.input('b', operands[1])];
    plan.step({ op: 'binary', inputs, outputs: [y], fn, ...checkPlainActivation(op, o.activation) });
    plan.output(y);
    return plan.run(o)[0]!;
  };
}

/** `a + b` */
export const add = binary('add', 'add');
/** `a - b` */
export const sub = binary('sub', 'sub');
/** `a * b` */
export const mul = binary('mul', 'mul');
/** `a / b` */
export const div = binary('div', 'div');
/** The smaller of a and b; NaN when either is. */
export const minimum = binary('minimum', 'min');
/** The larger of a and b; NaN when either is. */
export const maximum = binary('maximum', 'max');
/** `a` to the power of `b`; NaN for a negative `a` and a `b` that is no integer. */
export const pow = binary('pow', 'pow');

/** Option name, its default, and whether it may be infinite. */
type Parameter = readonly [name: string, fallback: number, infinite?: boolean];

/**
 * A function of one operand, element by element, any shape.
 * TypeError: x is no float32 Tensor, an option has the wrong type or is unknown. RangeError: an option is NaN.
 */
export type UnaryOperator<Parameters extends object = object> = (
  x: Tensor,
  options?: Partial<Parameters> & OperatorOptions,
) => Tensor;

function unary<Parameters extends object = object>(
  op: string,
  fn: UnaryFunction,
  alpha?: Parameter,
  beta?: Parameter,
): UnaryOperator<Parameters> {
  const names = [alpha, beta].flatMap((parameter) => (parameter ? [parameter[0]] : []));
  return (x, options) => {
    const o = checkOptions<OperatorOptions & Record<string, unknown>>(op, options, [...names, ...operatorNames]);
    const read = (parameter: Parameter | undefined): number => {
      if (!parameter) return 0;
      const [name, fallback, infinite = false] = parameter;
      return o[name] === undefined ? fallback : checkNumber(op, name, o[name], { infinite });
    };
    const input = checkFloat32(op, 'x', x);
    const [a, b] = [read(alpha), read(beta)];
    if (fn === 'clip' && a > b) throw new RangeError(`${op}: expected min <= max, got ${a} and ${b}`);
    const plan = new OneStep(op);
    const y = plan.value('y', input.shape);
    plan.step({ op: 'unary', inputs: [plan.input('x', input)], outputs: [y], fn, alpha: a, beta: b });
    plan.output(y);
    return plan.run(o)[0]!;
  };
}

/** `max(0, x)` */
export const relu = unary('relu', 'relu');
/** `min(max, max(min, x))`; without bounds, x. */
export const clip = unary<{ readonly min: number; readonly max: number }>(
  'clip',
  'clip',
  ['min', -Infinity, true],
  ['max', Infinity, true],
);
/** `x >= 0 ? x : slope * x`, slope 0.01 unless given. */
export const leakyRelu = unary<{ readonly slope: number }>('leakyRelu', 'leakyRelu', ['slope', 0.01]);
/** `x >= 0 ? x : alpha * (exp(x) - 1)`, alpha 1 unless given. */
export const elu = unary<{ readonly alpha: number }>('elu', 'elu', ['alpha', 1]);
/** `max(0, min(1, alpha * x + beta))`, alpha 1/6 and beta 1/2 (MobileNetV3, PyTorch) unless given; ONNX has alpha 0.2. */
export const hardSigmoid = unary<{ readonly alpha: number; readonly beta: number }>(
  'hardSigmoid',
  'hardSigmoid',
  ['alpha', 1 / 6],
  ['beta', 0.5],
);
/** `x * hardSigmoid(x)`, alpha 1/6 and beta 1/2 unless given (Howard et al., arXiv 1905.02244). */
export const hardSwish = unary<{ readonly alpha: number; readonly beta: number }>(
  'hardSwish',
  'hardSwish',
  ['alpha', 1 / 6],
  ['beta', 0.5],
);
/** `1 / (1 + exp(-x))` */
export const sigmoid = unary('sigmoid', 'sigmoid');
/** `x * sigmoid(x)`, also known as swish. */
export const silu = unary('silu', 'silu');
/** The hyperbolic tangent. */
export const tanh = unary('tanh', 'tanh');
/** `0.5 x (1 + erf(x / sqrt 2))` (Hendrycks, Gimpel, arXiv 1606.08415). */
export const gelu = unary('gelu', 'gelu');
/** GELU by the hyperbolic tangent: `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`. */
export const geluTanh = unary('geluTanh', 'geluTanh');
/** `log(1 + exp(x))` */
export const softplus = unary('softplus', 'softplus');
/** `x * tanh(softplus(x))` (Misra, arXiv 1908.08681). */
export const mish = unary('mish', 'mish');
/** `|x|` */
export const abs = unary('abs', 'abs');
/** `-x` */
export const neg = unary('neg', 'neg');
/** `e` to the power of x. */
export const exp = unary('exp', 'exp');
/** The natural logarithm; NaN below 0. */
export const log = unary('log', 'log');
/** The square root; NaN below 0. */
export const sqrt = unary('sqrt', 'sqrt');
/** `1 / x` */
export const reciprocal = unary('reciprocal', 'reciprocal');
/** The largest integer not above x. */
export const floor = unary('floor', 'floor');
/** The smallest integer not below x. */
export const ceil = unary('ceil', 'ceil');
/** The nearest integer, halves to the even one. */
export const round = unary('round', 'round');
/** -1, 0 or 1. */
export const sign = unary('sign', 'sign');
/** The error function. */
export const erf = unary('erf', 'erf');
