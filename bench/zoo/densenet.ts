/** DenseNet-BC (arXiv 1608.06993), torchvision's form: batch norm and ReLU before each convolution. */

import type { Architecture, GraphBuilder } from './builder.js';
import type { Value } from './network.js';

export interface DenseNetSpec {
  readonly stem: number;
  readonly growth: number;
  /** Channels of the 1x1 convolution of a layer, in units of the growth. */
  readonly bottleneck: number;
  /** Layers per block. */
  readonly blocks: readonly number[];
}

export const denseNet121: DenseNetSpec = { stem: 64, growth: 32, bottleneck: 4, blocks: [6, 12, 24, 16] };

export function denseNet(spec: DenseNetSpec): Architecture {
  return (g, image, classes) => {
    g.enter('features.conv0');
    let x = g.convNormAct(image, spec.stem, { kernel: 7, stride: 2 }, 'relu');
    x = g.maxPool(x, { kernel: 3, stride: 2, pad: 1 });
    for (const [block, layers] of spec.blocks.entries()) {
      x = denseBlock(g, x, spec, `features.denseblock${block + 1}`, layers);
      if (block === spec.blocks.length - 1) break;
      g.enter(`features.transition${block + 1}`);
      x = g.conv(normRelu(g, x), x.shape[0]! / 2);
      x = g.averagePool(x, { kernel: 2, stride: 2 });
    }
    g.enter('classifier');
    return g.gemm(g.flatten(g.globalAveragePool(normRelu(g, x))), classes);
  };
}

/** Every layer sees the concatenation of the block's input and of all layers before it. */
function denseBlock(g: GraphBuilder, input: Value, spec: DenseNetSpec, scope: string, layers: number): Value {
  const features = [input];
  for (let layer = 1; layer <= layers; layer++) {
    g.enter(`${scope}.denselayer${layer}`);
    const x = features.length === 1 ? input : g.concat(features);
    const narrowed = g.conv(normRelu(g, x), spec.bottleneck * spec.growth);
    features.push(g.conv(normRelu(g, narrowed), spec.growth, { kernel: 3 }));
  }
  g.enter(scope);
  return g.concat(features);
}

function normRelu(g: GraphBuilder, x: Value): Value {
  return g.activation(g.batchNorm(x), 'relu');
}
