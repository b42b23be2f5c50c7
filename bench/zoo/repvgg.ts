/**
 * RepVGG (arXiv 2101.03697), in training form - 3x3, 1x1 and identity branches, each with a batch norm, added up - or with
 * the branches merged into the one 3x3 convolution that is deployed.
 */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

export interface RepVggSpec {
  readonly stages: readonly { readonly repeats: number; readonly channels: number }[];
}

/** The first stage is one layer of 64 channels, scaled but never widened. */
function repVggSpec(repeats: readonly number[], widths: readonly number[]): RepVggSpec {
  const first = { repeats: 1, channels: Math.min(64, 64 * widths[0]!) };
  return { stages: [first, ...repeats.map((count, i) => ({ repeats: count, channels: 64 * 2 ** i * widths[i]! }))] };
}

export const repVggA0 = repVggSpec([2, 4, 14, 1], [0.75, 0.75, 0.75, 2.5]);
export const repVggB0 = repVggSpec([4, 6, 16, 1], [1, 1, 1, 2.5]);

const blocks = { training: trainingBlock, deploy: deployBlock };

export function repVgg(spec: RepVggSpec, form: keyof typeof blocks): Architecture {
  return (g, image, classes) => {
    let x = image;
    for (const [stage, { repeats, channels }] of spec.stages.entries()) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        g.enter(`stage${stage}.${repeat}`);
        x = g.activation(blocks[form](g, x, channels, repeat === 0 ? 2 : 1), 'relu');
      }
    }
    g.enter('linear');
    return g.gemm(g.flatten(g.globalAveragePool(x)), classes);
  };
}

/** Keeps the sum of three branches, over twenty layers, from growing. */
const BRANCH_GAIN = 0.6;

function trainingBlock(g: GraphBuilder, x: Value, channels: number, stride: number): Value {
  const dense = g.batchNorm(g.conv(x, channels, { kernel: 3, stride }), BRANCH_GAIN);
  const pointwise = g.batchNorm(g.conv(x, channels, { stride }), BRANCH_GAIN);
  const sum = g.add(dense, pointwise);
  return stride === 1 && channels === x.shape[0] ? g.add(sum, g.batchNorm(x, BRANCH_GAIN)) : sum;
}

function deployBlock(g: GraphBuilder, x: Value, channels: number, stride: number): Value {
  return g.conv(x, channels, { kernel: 3, stride, bias: true });
}
