/**
 * GoogLeNet (arXiv 1409.4842) in torchvision's form: batch norm after every convolution, 3x3 where the paper has 5x5,
 * pools that round up, no auxiliary heads.
 */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

type Pool = { readonly pool: number };

/** Channels: 1x1, reduction before 3x3, 3x3, reduction before "5x5", "5x5", 1x1 after the pool. */
type Inception = readonly [string, number, number, number, number, number, number];

const FEATURES: readonly (Pool | Inception)[] = [
  { pool: 3 },
  ['3a', 64, 96, 128, 16, 32, 32],
  ['3b', 128, 128, 192, 32, 96, 64],
  { pool: 3 },
  ['4a', 192, 96, 208, 16, 48, 64],
  ['4b', 160, 112, 224, 24, 64, 64],
  ['4c', 128, 128, 256, 24, 64, 64],
  ['4d', 112, 144, 288, 32, 64, 64],
  ['4e', 256, 160, 320, 32, 128, 128],
  { pool: 2 },
  ['5a', 256, 160, 320, 32, 128, 128],
  ['5b', 384, 192, 384, 48, 128, 128],
];

export const googLeNet: Architecture = (g, image, classes) => {
  g.enter('conv1');
  let x = g.convNormAct(image, 64, { kernel: 7, stride: 2 }, 'relu');
  x = g.maxPool(x, { kernel: 3, stride: 2, ceil: true });
  g.enter('conv2');
  x = g.convNormAct(x, 64, {}, 'relu');
  g.enter('conv3');
  x = g.convNormAct(x, 192, { kernel: 3 }, 'relu');
  for (const layer of FEATURES) {
    x = 'pool' in layer ? g.maxPool(x, { kernel: layer.pool, stride: 2, ceil: true }) : inception(g, x, layer);
  }
  g.enter('fc');
  return g.gemm(g.flatten(g.globalAveragePool(x)), classes);
};

function inception(
  g: GraphBuilder,
  x: Value,
  [name, direct, narrow3, wide3, narrow5, wide5, pooled]: Inception,
): Value {
  g.enter(`inception${name}`);
  return g.concat([
    g.convNormAct(x, direct, {}, 'relu'),
    g.convNormAct(g.convNormAct(x, narrow3, {}, 'relu'), wide3, { kernel: 3 }, 'relu'),
    g.convNormAct(g.convNormAct(x, narrow5, {}, 'relu'), wide5, { kernel: 3 }, 'relu'),
    g.convNormAct(g.maxPool(x, { kernel: 3, stride: 1, pad: 1, ceil: true }), pooled, {}, 'relu'),
  ]);
}
