/** Weight algebra a part at a time: the largest layers of a network have millions of weights. */
import type { Work } from '../work.js';
import type { ChannelAffine, FoldedWeights, LinearWeights, WeightAlgebra } from './algebra.js';

/** Weights per part: well below a turn of the event loop. */
const partSize = 1 << 17;

export function* foldInParts(
  fold: WeightAlgebra['foldAfter' | 'foldBefore'],
  linear: LinearWeights,
  affine: ChannelAffine,
): Work<FoldedWeights> {
  const loaded = { ...linear }; // the weight may be a getter that reads a file
  const { weight, shape, axis, groups } = loaded;
  const outputs = axis === 'oi' ? shape[0]! : shape[1]! * groups;
  if (weight.length <= partSize) return fold(loaded, affine);
  const into = { weight: new Float32Array(weight.length), bias: new Float32Array(outputs) };
  const step = Math.max(1, Math.floor((partSize * outputs) / weight.length));
  for (let begin = 0; begin < outputs; begin += step) {
    fold(loaded, affine, { into, begin, end: Math.min(outputs, begin + step) });
    yield;
  }
  return into;
}
