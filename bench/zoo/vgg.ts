/** VGG-16 without batch norm (arXiv 1409.1556, configuration D). */

import type { Architecture } from './builder.js';

/** Channels of the 3x3 convolutions of each stage; a 2x2 pool follows each stage. */
const STAGES: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

const HIDDEN = [4096, 4096];

export const vgg16: Architecture = (g, image, classes) => {
  let x = image;
  for (const [stage, convolutions] of STAGES.entries()) {
    g.enter(`features.${stage}`);
    for (const channels of convolutions) x = g.activation(g.conv(x, channels, { kernel: 3, bias: true }), 'relu');
    x = g.maxPool(x, { kernel: 2, stride: 2 });
  }
  g.enter('classifier');
  x = g.flatten(x);
  for (const units of HIDDEN) x = g.dropout(g.activation(g.gemm(x, units), 'relu'));
  return g.gemm(x, classes);
};
