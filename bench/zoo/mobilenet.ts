/**
 * MobileNetV1 (arXiv 1704.04861), V2 (1801.04381), V3-Large (1905.02244).
 *
 * V1 is in TensorFlow's form: 'same' padding, ReLU6, epsilon 1e-3 and a 1x1 convolution as classifier. V2 and V3 are
 * torchvision's.
 */

import type { ActivationName } from './activations.js';
import type { Architecture, GraphBuilder, Padding } from './builder.js';
import type { Value } from './network.js';

/** Count scaling as in the papers: to the nearest multiple of `divisor`, but never more than 10 % below. */
export function makeDivisible(channels: number, divisor = 8): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}

/** Output channels and stride of each depthwise separable block. */
const V1_BLOCKS: readonly (readonly [channels: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

export function mobileNetV1(width: number): Architecture {
  return (g, image, classes) => {
    const scaled = (channels: number) => Math.floor(channels * width);
    g.enter('Conv2d_0');
    let x = g.convNormAct(image, scaled(32), { kernel: 3, stride: 2, pad: 'same' }, 'relu6');
    for (const [index, [channels, stride]] of V1_BLOCKS.entries()) {
      g.enter(`Conv2d_${index + 1}_depthwise`);
      x = g.convNormAct(x, x.shape[0]!, { kernel: 3, stride, pad: 'same', groups: x.shape[0]! }, 'relu6');
      g.enter(`Conv2d_${index + 1}_pointwise`);
      x = g.convNormAct(x, scaled(channels), {}, 'relu6');
    }
    g.enter('Logits');
    return g.squeeze(g.conv(g.globalAveragePool(x), classes, { bias: true }));
  };
}

export interface InvertedResidual {
  readonly kernel: number;
  readonly stride: number;
  /** Channels of the depthwise convolution; as many as the input has: no expansion layer. */
  readonly expanded: number;
  readonly channels: number;
  readonly activation: ActivationName;
  readonly pad?: Padding;
  /** Squeeze-and-excitation after the depthwise convolution. */
  readonly excite?: { readonly squeezed: number; readonly activation: ActivationName; readonly gate: ActivationName };
}

/** Keeps a sum over many residual branches from growing. */
const BRANCH_GAIN = 0.6;

export function invertedResidual(g: GraphBuilder, input: Value, block: InvertedResidual): Value {
  const { kernel, stride, expanded, channels, activation, excite } = block;
  const pad = block.pad ?? (kernel - 1) / 2;
  const residual = stride === 1 && channels === input.shape[0];
  let x = expanded === input.shape[0] ? input : g.convNormAct(input, expanded, {}, activation);
  x = g.convNormAct(x, expanded, { kernel, stride, pad, groups: expanded }, activation);
  if (excite) x = g.squeezeExcite(x, excite.squeezed, excite.activation, excite.gate);
  x = g.batchNorm(g.conv(x, channels), residual ? BRANCH_GAIN : 1);
  return residual ? g.add(input, x) : x;
}

/** Expansion, output channels, repeats, stride of the first. */
const V2_STAGES: readonly (readonly [expansion: number, channels: number, repeats: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

export function mobileNetV2(width: number): Architecture {
  return (g, image, classes) => {
    g.enter('features.0');
    let x = g.convNormAct(image, makeDivisible(32 * width), { kernel: 3, stride: 2 }, 'relu6');
    let index = 1;
    for (const [expansion, channels, repeats, firstStride] of V2_STAGES) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        g.enter(`features.${index++}`);
        x = invertedResidual(g, x, {
          kernel: 3,
          stride: repeat === 0 ? firstStride : 1,
          expanded: x.shape[0]! * expansion,
          channels: makeDivisible(channels * width),
          activation: 'relu6',
        });
      }
    }
    g.enter(`features.${index}`);
    x = g.convNormAct(x, makeDivisible(1280 * Math.max(1, width)), {}, 'relu6');
    g.enter('classifier');
    return g.gemm(g.flatten(g.globalAveragePool(x)), classes);
  };
}

type V3Row = readonly [
  kernel: number,
  expanded: number,
  channels: number,
  excite: boolean,
  activation: ActivationName,
  stride: number,
];

const V3_LARGE_BLOCKS: readonly V3Row[] = [
  [3, 16, 16, false, 'relu', 1],
  [3, 64, 24, false, 'relu', 2],
  [3, 72, 24, false, 'relu', 1],
  [5, 72, 40, true, 'relu', 2],
  [5, 120, 40, true, 'relu', 1],
  [5, 120, 40, true, 'relu', 1],
  [3, 240, 80, false, 'hardSwish', 2],
  [3, 200, 80, false, 'hardSwish', 1],
  [3, 184, 80, false, 'hardSwish', 1],
  [3, 184, 80, false, 'hardSwish', 1],
  [3, 480, 112, true, 'hardSwish', 1],
  [3, 672, 112, true, 'hardSwish', 1],
  [5, 672, 160, true, 'hardSwish', 2],
  [5, 960, 160, true, 'hardSwish', 1],
  [5, 960, 160, true, 'hardSwish', 1],
];

export const mobileNetV3Large: Architecture = (g, image, classes) => {
  g.enter('features.0');
  let x = g.convNormAct(image, 16, { kernel: 3, stride: 2 }, 'hardSwish');
  for (const [index, [kernel, expanded, channels, excite, activation, stride]] of V3_LARGE_BLOCKS.entries()) {
    g.enter(`features.${index + 1}`);
    const gate = { squeezed: makeDivisible(expanded / 4), activation: 'relu', gate: 'hardSigmoid' } as const;
    x = invertedResidual(g, x, { kernel, stride, expanded, channels, activation, ...(excite ? { excite: gate } : {}) });
  }
  g.enter(`features.${V3_LARGE_BLOCKS.length + 1}`);
  x = g.convNormAct(x, 960, {}, 'hardSwish');
  g.enter('classifier');
  x = g.activation(g.gemm(g.flatten(g.globalAveragePool(x)), 1280), 'hardSwish');
  return g.gemm(x, classes);
};
