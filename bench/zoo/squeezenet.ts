/** SqueezeNet 1.1 (arXiv 1602.07360 and the authors' repository): no batch norm, pools that round up. */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

type Layer = { readonly fire: readonly [squeeze: number, expand: number] } | 'pool';

const FEATURES: readonly Layer[] = [
  'pool',
  { fire: [16, 64] },
  { fire: [16, 64] },
  'pool',
  { fire: [32, 128] },
  { fire: [32, 128] },
  'pool',
  { fire: [48, 192] },
  { fire: [48, 192] },
  { fire: [64, 256] },
  { fire: [64, 256] },
];

export const squeezeNet: Architecture = (g, image, classes) => {
  g.enter('features.0');
  let x = g.activation(g.conv(image, 64, { kernel: 3, stride: 2, pad: 0, bias: true }), 'relu');
  for (const [index, layer] of FEATURES.entries()) {
    g.enter(`features.${index + 2}`);
    x = layer === 'pool' ? g.maxPool(x, { kernel: 3, stride: 2, ceil: true }) : fire(g, x, ...layer.fire);
  }
  g.enter('classifier');
  x = g.activation(g.conv(g.dropout(x), classes, { bias: true }), 'relu');
  return g.flatten(g.globalAveragePool(x));
};

function fire(g: GraphBuilder, input: Value, squeeze: number, expand: number): Value {
  const x = g.activation(g.conv(input, squeeze, { bias: true }), 'relu');
  const small = g.activation(g.conv(x, expand, { bias: true }), 'relu');
  const large = g.activation(g.conv(x, expand, { kernel: 3, bias: true }), 'relu');
  return g.concat([small, large]);
}
