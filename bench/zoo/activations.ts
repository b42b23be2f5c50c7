/** Activations, each in the form in which exporters write it; the form can depend on the operator set. */

import type { GraphBuilder } from './builder.js';
import type { Moments, Value } from './network.js';

interface Activation {
  readonly f: (x: number) => number;
  readonly write: (g: GraphBuilder, x: Value) => Value;
}

const sixth = { alpha: { float: 1 / 6 }, beta: { float: 0.5 } };

const clamp = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));
const logistic = (x: number) => 1 / (1 + Math.exp(-x));

export type ActivationName = 'relu' | 'relu6' | 'sigmoid' | 'hardSigmoid' | 'hardSwish' | 'silu' | 'none';

export const activations: Record<ActivationName, Activation> = {
  none: { f: (x) => x, write: (_, x) => x },
  relu: { f: (x) => Math.max(0, x), write: (g, x) => g.emit('Relu', [x.name], {}, x) },
  relu6: { f: (x) => clamp(x, 0, 6), write: (g, x) => clip(g, x, 0, 6) },
  sigmoid: { f: logistic, write: (g, x) => g.emit('Sigmoid', [x.name], {}, x) },
  hardSigmoid: { f: (x) => clamp(x / 6 + 0.5, 0, 1), write: (g, x) => g.emit('HardSigmoid', [x.name], sixth, x) },
  hardSwish: { f: (x) => (x * clamp(x + 3, 0, 6)) / 6, write: hardSwish },
  silu: {
    f: (x) => x * logistic(x),
    write(g, x) {
      const gate = g.emit('Sigmoid', [x.name], {}, x);
      return g.emit('Mul', [x.name, gate.name], {}, x);
    },
  },
};

/** The bounds became inputs with operator set 11. */
function clip(g: GraphBuilder, x: Value, low: number, high: number): Value {
  if (g.options.opset < 11) return g.emit('Clip', [x.name], { min: { float: low }, max: { float: high } }, x);
  return g.emit('Clip', [x.name, g.scalar(low), g.scalar(high)], {}, x);
}

/** An operator since set 14; before, exporters wrote `x * clip(x + 3, 0, 6) / 6`. */
function hardSwish(g: GraphBuilder, x: Value): Value {
  if (g.options.opset >= 14) return g.emit('HardSwish', [x.name], {}, x);
  const shifted = g.emit('Add', [x.name, g.scalar(3)], {}, x);
  const product = g.emit('Mul', [x.name, clip(g, shifted, 0, 6).name], {}, x);
  return g.emit('Div', [product.name, g.scalar(6)], {}, x);
}

/**
 * Mean and variance of `f(x)` for normal x, by a sum over a grid. Rounded, because they decide the scale of weights and
 * `Math.exp` may differ in its last bit from machine to machine.
 */
export function momentsThrough(f: (x: number) => number, { mean, variance }: Moments): Moments {
  const deviation = Math.sqrt(variance);
  let total = 0;
  let sum = 0;
  let squares = 0;
  for (let z = -5; z <= 5; z += 0.125) {
    const density = Math.exp(-(z * z) / 2);
    const y = f(mean + z * deviation);
    total += density;
    sum += density * y;
    squares += density * y * y;
  }
  const average = sum / total;
  const round = (x: number) => Math.round(x * 1e6) / 1e6;
  return { mean: round(average), variance: round(squares / total - average * average) };
}
