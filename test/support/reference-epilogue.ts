/** Pointwise functions and the epilogue in float64. */
import type { PlanActivation, PlanEpilogue } from '#lib/graph/plan-spec.js';
import { at, type Dense, eachIndex } from './reference-tensor.js';

/** erf by its series, and by its continued fraction where the series would cancel. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 200; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * sum * 2) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 100; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const roundHalfEven = (x: number): number => {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};

const functions: Record<string, (x: number, alpha: number, beta: number) => number> = {
  none: (x) => x,
  identity: (x) => x,
  relu: (x) => Math.max(0, x),
  clip: (x, low, high) => Math.min(high, Math.max(low, x)),
  leakyRelu: (x, slope) => (x >= 0 ? x : slope * x),
  hardSigmoid: (x, alpha, beta) => Math.max(0, Math.min(1, alpha * x + beta)),
  hardSwish: (x, alpha, beta) => x * Math.max(0, Math.min(1, alpha * x + beta)),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  tanh: Math.tanh,
  gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  abs: Math.abs,
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
  erf,
  softplus: (x) => Math.log1p(Math.exp(x)),
  elu: (x, alpha) => (x >= 0 ? x : alpha * Math.expm1(x)),
  mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
};

export const pointwise = (activation: PlanActivation | undefined, x: number): number =>
  activation ? functions[activation.kind]!(x, activation.alpha, activation.beta) : x;

/** Applies an epilogue; channels are along `axis`. */
export function finish(
  x: Dense,
  epilogue: PlanEpilogue | undefined,
  value: (index: number) => Dense,
  axis: number,
): Dense {
  if (!epilogue) return x;
  const { activation, addAfterActivation = false } = epilogue;
  const read = (index: number | undefined) => (index === undefined ? undefined : value(index));
  const [bias, scale, shift, residual, slope, gate] = [
    epilogue.bias,
    epilogue.scale,
    epilogue.shift,
    epilogue.residual,
    epilogue.slope,
    epilogue.gate,
  ].map(read);
  const data = new Float64Array(x.data.length);
  eachIndex(x.shape, (index, i) => {
    const channel = index[axis]!;
    let v = x.data[i]! + (bias?.data[channel] ?? 0);
    v = v * (scale?.data[channel] ?? 1) + (shift?.data[channel] ?? 0);
    const addend = residual?.data[i] ?? 0;
    if (!addAfterActivation) v += addend;
    if (activation?.kind === 'prelu') v = v > 0 ? v : v * slope!.data[slope!.data.length === 1 ? 0 : channel]!;
    else v = pointwise(activation, v);
    if (addAfterActivation) v += addend;
    if (gate) v *= at(gate, ...index.map((coordinate, a) => (gate.shape[a] === 1 ? 0 : coordinate)));
    data[i] = v;
  });
  return { shape: x.shape, data };
}
