/**
 * Residual networks: ResNet (arXiv 1512.03385, with the stride on the 3x3 convolution as in torchvision), ResNeXt
 * (1611.05431) and RegNetY (2003.13678).
 */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

export interface ResidualSpec {
  readonly stem: { readonly channels: number; readonly kernel: number; readonly pool: boolean };
  readonly block: 'basic' | 'bottleneck';
  readonly stages: readonly ResidualStage[];
  /** Squeeze-and-excitation, as a fraction of the channels that enter the block. */
  readonly exciteRatio?: number;
  /** The shape of the last layers, for variety: both compute the same. */
  readonly head: 'pool' | 'mean';
}

interface ResidualStage {
  readonly repeats: number;
  /** Of the first block. */
  readonly stride: number;
  /** Channels of the 3x3 convolutions. */
  readonly inner: number;
  readonly channels: number;
  readonly groups: number;
}

/** Four stages, halving the image in all but the first. */
function classicStages(repeats: readonly number[], inner: number, channels: number, groups = 1): ResidualStage[] {
  return repeats.map((count, stage) => {
    const factor = 2 ** stage;
    return { repeats: count, stride: stage === 0 ? 1 : 2, inner: inner * factor, channels: channels * factor, groups };
  });
}

const classicStem = { channels: 64, kernel: 7, pool: true };

export const resNet18: ResidualSpec = {
  stem: classicStem,
  block: 'basic',
  stages: classicStages([2, 2, 2, 2], 64, 64),
  head: 'pool',
};

export const resNet50: ResidualSpec = {
  stem: classicStem,
  block: 'bottleneck',
  stages: classicStages([3, 4, 6, 3], 64, 256),
  head: 'pool',
};

/** 32 groups of 4 channels. */
export const resNeXt50: ResidualSpec = {
  stem: classicStem,
  block: 'bottleneck',
  stages: classicStages([3, 4, 6, 3], 128, 256, 32),
  head: 'pool',
};

const REGNET_GROUP_SIZE = 8;

export const regNetY400MF: ResidualSpec = {
  stem: { channels: 32, kernel: 3, pool: false },
  block: 'bottleneck',
  stages: (
    [
      [1, 48],
      [3, 104],
      [6, 208],
      [6, 440],
    ] as const
  ).map(([repeats, channels]) => {
    return { repeats, stride: 2, inner: channels, channels, groups: channels / REGNET_GROUP_SIZE };
  }),
  exciteRatio: 0.25,
  head: 'mean',
};

/** Keeps the sum over many residual branches from growing. */
const BRANCH_GAIN = 0.6;

export function residualNetwork(spec: ResidualSpec): Architecture {
  return (g, image, classes) => {
    const { stem } = spec;
    g.enter('stem');
    let x = g.convNormAct(image, stem.channels, { kernel: stem.kernel, stride: 2 }, 'relu');
    if (stem.pool) x = g.maxPool(x, { kernel: 3, stride: 2, pad: 1 });
    for (const [index, stage] of spec.stages.entries()) {
      for (let repeat = 0; repeat < stage.repeats; repeat++) {
        g.enter(`layer${index + 1}.${repeat}`);
        x = residualBlock(g, x, spec, stage, repeat === 0 ? stage.stride : 1);
      }
    }
    g.enter('fc');
    return g.gemm(spec.head === 'mean' ? g.spatialMean(x) : g.flatten(g.globalAveragePool(x)), classes);
  };
}

function residualBlock(g: GraphBuilder, input: Value, spec: ResidualSpec, stage: ResidualStage, stride: number): Value {
  const { inner, channels, groups } = stage;
  let x: Value;
  if (spec.block === 'basic') {
    x = g.convNormAct(input, inner, { kernel: 3, stride }, 'relu');
    x = g.conv(x, channels, { kernel: 3 });
  } else {
    x = g.convNormAct(input, inner, {}, 'relu');
    x = g.convNormAct(x, inner, { kernel: 3, stride, groups }, 'relu');
    if (spec.exciteRatio) x = g.squeezeExcite(x, Math.round(spec.exciteRatio * input.shape[0]!), 'relu', 'sigmoid');
    x = g.conv(x, channels);
  }
  x = g.batchNorm(x, BRANCH_GAIN);
  const changesShape = stride !== 1 || channels !== input.shape[0];
  const shortcut = changesShape ? g.batchNorm(g.conv(input, channels, { stride })) : input;
  return g.activation(g.add(x, shortcut), 'relu');
}
