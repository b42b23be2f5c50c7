/** Exact weight algebra as passes see it. The native addon implements it, in double; nothing here computes. */

/** Weights of a linear operator: a convolution, a transposed one, or a matrix product. */
export interface LinearWeights {
  readonly weight: Float32Array;
  readonly shape: readonly number[];
  /** One per output channel; null for none. */
  readonly bias: Float32Array | null;
  /**
   * Which of the first two axes of `shape` is which: 'oi' [O, I/groups, ...] for Conv and Gemm with transB, 'io'
   * [I, O/groups, ...] for ConvTranspose, MatMul and Gemm without.
   */
  readonly axis: 'oi' | 'io';
  readonly groups: number;
}

/** `x * scale + shift`, channel by channel. */
export interface ChannelAffine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

export interface FoldedWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The outputs [begin, end) alone, written into arrays of the full size; `into` is what the function returns then. */
export interface FoldPart {
  readonly into: FoldedWeights;
  readonly begin: number;
  readonly end: number;
}

/** Results are rounded to float32 once. Arguments are never written to. */
export interface WeightAlgebra {
  /** Batch normalisation with running statistics: s = gamma / sqrt(variance + epsilon), t = beta - mean*s. */
  batchNormToAffine(
    gamma: Float32Array,
    beta: Float32Array,
    mean: Float32Array,
    variance: Float32Array,
    epsilon: number,
  ): ChannelAffine;
  /** `linear` then `affine` (one element per output channel): W'[o] = s[o] W[o], b'[o] = s[o] b[o] + t[o]. */
  foldAfter(linear: LinearWeights, affine: ChannelAffine, part?: FoldPart): FoldedWeights;
  /** `affine` (one element per input channel) then `linear`: W'[o,i] = W[o,i] s[i], b'[o] = b[o] + sum over i and taps of W[o,i] t[i]. */
  foldBefore(linear: LinearWeights, affine: ChannelAffine, part?: FoldPart): FoldedWeights;
}
