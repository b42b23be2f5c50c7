/** ShuffleNetV2 (arXiv 1807.11164), torchvision's form. */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

export interface ShuffleNetSpec {
  readonly stem: number;
  readonly stages: readonly { readonly repeats: number; readonly channels: number }[];
  readonly head: number;
}

export const shuffleNetV2x1: ShuffleNetSpec = {
  stem: 24,
  stages: [
    { repeats: 4, channels: 116 },
    { repeats: 8, channels: 232 },
    { repeats: 4, channels: 464 },
  ],
  head: 1024,
};

export function shuffleNetV2(spec: ShuffleNetSpec): Architecture {
  return (g, image, classes) => {
    g.enter('conv1');
    let x = g.convNormAct(image, spec.stem, { kernel: 3, stride: 2 }, 'relu');
    x = g.maxPool(x, { kernel: 3, stride: 2, pad: 1 });
    for (const [stage, { repeats, channels }] of spec.stages.entries()) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        g.enter(`stage${stage + 2}.${repeat}`);
        x = repeat === 0 ? downsamplingUnit(g, x, channels / 2) : unit(g, x);
      }
    }
    g.enter('conv5');
    x = g.convNormAct(x, spec.head, {}, 'relu');
    g.enter('fc');
    return g.gemm(g.spatialMean(x), classes);
  };
}

/** Half of the channels pass through untouched. */
function unit(g: GraphBuilder, x: Value): Value {
  const [kept, changed] = g.chunk(x);
  return g.channelShuffle(g.concat([kept, branch(g, changed, changed.shape[0]!, 1)]), 2);
}

function downsamplingUnit(g: GraphBuilder, x: Value, half: number): Value {
  const left = g.convNormAct(depthwise(g, x, 2), half, {}, 'relu');
  return g.channelShuffle(g.concat([left, branch(g, x, half, 2)]), 2);
}

function branch(g: GraphBuilder, x: Value, channels: number, stride: number): Value {
  const narrowed = g.convNormAct(x, channels, {}, 'relu');
  return g.convNormAct(depthwise(g, narrowed, stride), channels, {}, 'relu');
}

function depthwise(g: GraphBuilder, x: Value, stride: number): Value {
  return g.batchNorm(g.conv(x, x.shape[0]!, { kernel: 3, stride, groups: x.shape[0]! }));
}
