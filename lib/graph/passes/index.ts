/**
 * The passes, in the order they run. Each list runs over and over until a round of it changes nothing.
 */
import { arithmeticToScale } from './algebra/arithmetic-to-scale.js';
import { batchNormToScale } from './algebra/batch-norm.js';
import { foldScaleAfter } from './algebra/fold-after.js';
import { foldScaleBefore } from './algebra/fold-before.js';
import { foldColumns } from './algebra/fold-columns.js';
import { foldPad } from './algebra/fold-pad.js';
import { mergeBranches } from './algebra/merge-branches.js';
import { mergeScales } from './algebra/merge-scales.js';
import { normalizeGemm } from './algebra/normalize-gemm.js';
import { foldConstants } from './cleanup/fold-constants.js';
import { mergeMoves } from './cleanup/merge-moves.js';
import { removeDead } from './cleanup/remove-dead.js';
import { removeNoops } from './cleanup/remove-noops.js';
import { splitSums } from './cleanup/split-sums.js';
import { fuseActivation } from './fusion/activation.js';
import { fuseGate } from './fusion/gate.js';
import { fuseResidual } from './fusion/residual.js';
import { squeezeExcite } from './fusion/squeeze-excite.js';
import { fuseTransposeIntoMatMul } from './fusion/transpose-matmul.js';
import type { Pass } from './pass.js';
import { channelShuffle } from './patterns/channel-shuffle.js';
import { gelu } from './patterns/gelu.js';
import { hardSigmoid } from './patterns/hard-sigmoid.js';
import { hardSwish } from './patterns/hard-swish.js';
import { layerNorm } from './patterns/layer-norm.js';
import { silu } from './patterns/silu.js';

/**
 * Rewrites that make a smaller graph of ordinary operators. They run once when a model is loaded, with extents still unknown,
 * so that plans of several input shapes share the weights they make; and again with bound shapes, for what needs those.
 */
export const simplify: readonly Pass[] = [
  foldConstants,
  removeNoops,
  splitSums,
  mergeMoves,
  // Patterns first: they look for arithmetic with scalars, which the algebra behind them takes apart.
  layerNorm,
  channelShuffle,
  hardSwish,
  silu,
  gelu,
  hardSigmoid,
  normalizeGemm,
  foldColumns,
  batchNormToScale,
  arithmeticToScale,
  mergeScales,
  foldScaleAfter,
  foldScaleBefore,
  mergeBranches,
  foldPad,
  removeDead,
];

/** Fusions into what one native step computes. They run last: nothing looks into an epilogue any more. */
export const fuse: readonly Pass[] = [
  squeezeExcite,
  fuseTransposeIntoMatMul,
  fuseResidual,
  fuseActivation,
  fuseGate,
  removeDead,
];
