/** Activations that operators apply to their result before it is stored. */
import { describe } from '../describe.js';
import type { PlanActivation } from '../graph/plan-spec.js';
import { Tensor } from '../tensor.js';
import { checkNumber, checkOptions, checkVector, checkWord, type Vector } from './options.js';

/**
 * A function of one value, by name or with its parameters:
 *
 * | kind | y | parameters (default) |
 * | --- | --- | --- |
 * | none | x | |
 * | relu, relu6 | max(0, x), min(6, max(0, x)) | |
 * | clip | min(max, max(min, x)) | min (-inf), max (+inf) |
 * | leakyRelu | x if x >= 0, else slope*x | slope (0.01) |
 * | prelu | x if x > 0, else slope*x | slope: one value, or one per output channel |
 * | hardSigmoid | max(0, min(1, alpha*x + beta)) | alpha (1/6), beta (0.5), as in MobileNetV3 |
 * | hardSwish | x * hardSigmoid(x) | alpha (1/6), beta (0.5) |
 * | sigmoid, silu | 1/(1 + exp(-x)), x * sigmoid(x) | |
 * | tanh | tanh(x) | |
 * | gelu, geluTanh | 0.5x(1 + erf(x/sqrt 2)), its approximation by tanh | |
 */
export type Activation = ActivationName | ActivationObject;

export type ActivationName =
  | 'none'
  | 'relu'
  | 'relu6'
  | 'leakyRelu'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'sigmoid'
  | 'silu'
  | 'tanh'
  | 'gelu'
  | 'geluTanh';

export type ActivationObject =
  | { readonly kind: ActivationName }
  | { readonly kind: 'clip'; readonly min?: number; readonly max?: number }
  | { readonly kind: 'leakyRelu'; readonly slope?: number }
  | { readonly kind: 'prelu'; readonly slope: number | Vector }
  | { readonly kind: 'hardSigmoid' | 'hardSwish'; readonly alpha?: number; readonly beta?: number };

/** As the plan has it; `slope` belongs to prelu. */
export interface CheckedActivation {
  readonly activation?: PlanActivation;
  readonly slope?: Float32Array;
}

type Parameters = Readonly<Record<string, unknown>>;
type Rule = readonly [parameters: readonly string[], make: (op: string, p: Parameters) => CheckedActivation];

const plain = (kind: string, alpha = 0, beta = 0): CheckedActivation => ({ activation: { kind, alpha, beta } });

const number = (op: string, p: Parameters, name: string, fallback: number, infinite = false): number =>
  p[name] === undefined ? fallback : checkNumber(op, `activation.${name}`, p[name], { infinite });

const hard =
  (kind: string): Rule[1] =>
  (op, p) =>
    plain(kind, number(op, p, 'alpha', 1 / 6), number(op, p, 'beta', 0.5));

const rules: Readonly<Record<string, Rule>> = {
  none: [[], () => ({})],
  relu: [[], () => plain('relu')],
  relu6: [[], () => plain('clip', 0, 6)],
  clip: [
    ['min', 'max'],
    (op, p) => {
      const [low, high] = [number(op, p, 'min', -Infinity, true), number(op, p, 'max', Infinity, true)];
      if (low > high) throw new RangeError(`${op}: activation: expected min <= max, got ${low} and ${high}`);
      return plain('clip', low, high);
    },
  ],
  leakyRelu: [['slope'], (op, p) => plain('leakyRelu', number(op, p, 'slope', 0.01))],
  prelu: [
    ['slope'],
    (op, { slope }) => ({
      ...plain('prelu'),
      slope: typeof slope === 'number' ? Float32Array.of(slope) : checkVector(op, 'activation.slope', slope, null),
    }),
  ],
  hardSigmoid: [['alpha', 'beta'], hard('hardSigmoid')],
  hardSwish: [['alpha', 'beta'], hard('hardSwish')],
  sigmoid: [[], () => plain('sigmoid')],
  silu: [[], () => plain('silu')],
  tanh: [[], () => plain('tanh')],
  gelu: [[], () => plain('gelu')],
  geluTanh: [[], () => plain('geluTanh')],
};

const kinds = Object.keys(rules);

/** An activation of a step with an epilogue, which may be prelu with one slope or one of each of `channels`. */
export function checkActivation(op: string, value: unknown, name = 'activation'): CheckedActivation {
  if (value === undefined) return {};
  if (typeof value === 'string') {
    const kind = checkWord(op, name, value, kinds);
    if (kind === 'prelu')
      throw new TypeError(`${op}: ${name}: expected { kind: 'prelu', slope }, got 'prelu' without its slope`);
    return rules[kind]![1](op, {});
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Tensor) {
    throw new TypeError(`${op}: ${name}: expected a name or an object with a kind, got ${describe(value)}`);
  }
  const kind = checkWord(op, `${name}.kind`, (value as Parameters)['kind'], kinds);
  const [parameters, make] = rules[kind]!;
  checkOptions<Parameters>(`${op}: ${name}`, value as Parameters, ['kind', ...parameters]);
  return make(op, value as Parameters);
}

/** An activation of a step that has no place for slopes: everything but prelu. */
export function checkPlainActivation(op: string, value: unknown, name = 'activation'): { activation?: PlanActivation } {
  const checked = checkActivation(op, value, name);
  if (checked.slope)
    throw new RangeError(
      `${op}: ${name}: expected another kind than prelu, which only convolutions and matrix products apply`,
    );
  return checked.activation ? { activation: checked.activation } : {};
}
