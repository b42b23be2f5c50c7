/** Weight algebra in plain float64: the oracle for the native one, and its stand-in where a test is about passes. */
import type { ChannelAffine, FoldedWeights, LinearWeights, WeightAlgebra } from '#lib/fold/algebra.js';

/** Calls `visit` with the output and input channel of every weight. */
function forEachWeight(
  { shape, axis, groups }: LinearWeights,
  visit: (index: number, output: number, input: number) => void,
): void {
  const [first = 1, second = 1, ...kernel] = shape;
  const taps = kernel.reduce((product, extent) => product * extent, 1);
  for (let a = 0; a < first; a++) {
    // The first axis is whole, split into groups; the second counts within the group.
    const group = Math.floor(a / (first / groups));
    for (let b = 0; b < second; b++) {
      const other = group * second + b;
      for (let tap = 0; tap < taps; tap++) {
        const index = (a * second + b) * taps + tap;
        if (axis === 'oi') visit(index, a, other);
        else visit(index, other, a);
      }
    }
  }
}

const outputsOf = ({ shape, axis, groups }: LinearWeights): number => (axis === 'oi' ? shape[0]! : shape[1]! * groups);

function foldAfter(linear: LinearWeights, { scale, shift }: ChannelAffine): FoldedWeights {
  const weight = new Float32Array(linear.weight.length);
  forEachWeight(linear, (index, output) => {
    weight[index] = linear.weight[index]! * scale[output]!;
  });
  const bias = Float32Array.from(
    { length: outputsOf(linear) },
    (_, o) => (linear.bias?.[o] ?? 0) * scale[o]! + shift[o]!,
  );
  return { weight, bias };
}

function foldBefore(linear: LinearWeights, { scale, shift }: ChannelAffine): FoldedWeights {
  const weight = new Float32Array(linear.weight.length);
  const bias = Float64Array.from({ length: outputsOf(linear) }, (_, o) => linear.bias?.[o] ?? 0);
  forEachWeight(linear, (index, output, input) => {
    weight[index] = linear.weight[index]! * scale[input]!;
    bias[output]! += linear.weight[index]! * shift[input]!;
  });
  return { weight, bias: Float32Array.from(bias) };
}

/** With a part: of the whole, what it asks for. */
const partly =
  (fold: WeightAlgebra['foldAfter']): WeightAlgebra['foldAfter'] =>
  (linear, affine, part) => {
    const whole = fold(linear, affine);
    if (!part) return whole;
    const { into, begin, end } = part;
    into.bias.set(whole.bias.subarray(begin, end), begin);
    forEachWeight(linear, (index, output) => {
      if (output >= begin && output < end) into.weight[index] = whole.weight[index]!;
    });
    return into;
  };

export const referenceAlgebra: WeightAlgebra = {
  batchNormToAffine(gamma, beta, mean, variance, epsilon) {
    const scale = Float64Array.from(gamma, (value, i) => value / Math.sqrt(variance[i]! + epsilon));
    return { scale, shift: Float64Array.from(beta, (value, i) => value - mean[i]! * scale[i]!) };
  },
  foldAfter: partly(foldAfter),
  foldBefore: partly(foldBefore),
};
