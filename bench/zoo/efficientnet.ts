/** EfficientNet (arXiv 1905.11946) in TensorFlow's form: 'same' padding, epsilon 1e-3, SiLU as Sigmoid and Mul. */

import type { Architecture } from './builder.js';
import { invertedResidual, makeDivisible } from './mobilenet.js';

/** Expansion, kernel, stride of the first, output channels, repeats; of B0. */
const STAGES: readonly (readonly [
  expansion: number,
  kernel: number,
  stride: number,
  channels: number,
  repeats: number,
])[] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];

/** Width and depth multiplier and image size of each member of the family, by compound scaling. */
export const efficientNetScales = [
  { width: 1, depth: 1, size: 224 },
  { width: 1, depth: 1.1, size: 240 },
  { width: 1.1, depth: 1.2, size: 260 },
  { width: 1.2, depth: 1.4, size: 300 },
  { width: 1.4, depth: 1.8, size: 380 },
  { width: 1.6, depth: 2.2, size: 456 },
  { width: 1.8, depth: 2.6, size: 528 },
  { width: 2, depth: 3.1, size: 600 },
] as const;

export function efficientNet({ width, depth }: { width: number; depth: number }): Architecture {
  return (g, image, classes) => {
    g.enter('stem');
    let x = g.convNormAct(image, makeDivisible(32 * width), { kernel: 3, stride: 2, pad: 'same' }, 'silu');
    for (const [stage, [expansion, kernel, firstStride, channels, repeats]] of STAGES.entries()) {
      for (let repeat = 0; repeat < Math.ceil(repeats * depth); repeat++) {
        g.enter(`blocks.${stage}.${repeat}`);
        const inputs = x.shape[0]!;
        x = invertedResidual(g, x, {
          kernel,
          stride: repeat === 0 ? firstStride : 1,
          expanded: inputs * expansion,
          channels: makeDivisible(channels * width),
          activation: 'silu',
          pad: 'same',
          // A quarter of the block's input, not of the expanded channels as in MobileNetV3.
          excite: { squeezed: Math.floor(inputs / 4), activation: 'silu', gate: 'sigmoid' },
        });
      }
    }
    g.enter('head');
    x = g.convNormAct(x, makeDivisible(1280 * width), {}, 'silu');
    return g.matMul(g.spatialMean(x), classes);
  };
}
