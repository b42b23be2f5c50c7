/**
 * A transposed convolution whose kernel is as large as its stride: outputs do not overlap, so each pixel of the input
 * makes a patch of its own. All patches are one 1x1 convolution with O*kh*kw outputs, woven into an image afterwards. With
 * few outputs that fills vectors which a convolution for each place in the patch would leave nearly empty.
 */
import { numberAttribute } from '../attributes.js';
import { float32Of } from '../constant.js';
import type { Window } from '../geometry.js';
import type { Constant } from '../ir.js';
import type { LowerInput } from './builder.js';
import { planActivation } from './epilogue.js';

/** From this many outputs on, a convolution for each place fills its vectors well enough. */
const manyOutputs = 8;

/** More would be large in memory before it is woven. */
const mostPatchOutputs = 64;

/**
 * What was made of a constant for patches of a size, once for all plans: they share packed weights by the identity of the
 * array.
 */
const made = new WeakMap<Constant, Map<number, Float32Array>>();

function madeOf(constant: Constant, size: number, make: (values: Float32Array) => Float32Array): Float32Array {
  const bySize = made.get(constant) ?? new Map<number, Float32Array>();
  const values = bySize.get(size) ?? make(float32Of(constant));
  made.set(constant, bySize.set(size, values));
  return values;
}

/** [C, O*kh*kw] to [O*kh*kw, C]. */
const turned = (channels: number, patch: number) => (values: Float32Array) =>
  Float32Array.from(values, (_, i) => values[(i % channels) * patch + Math.floor(i / channels)]!);

const repeated = (times: number) => (values: Float32Array) =>
  Float32Array.from({ length: values.length * times }, (_, i) => values[Math.floor(i / times)]!);

/** Pushes the steps; false, and nothing is done, for a node of another form. */
export function wovenConvTranspose(context: LowerInput, { strides, dilations, begins, ends }: Window): boolean {
  const { node, builder } = context;
  const [weight, bias] = [context.constant(1), context.has(2) ? context.constant(2) : undefined];
  const x = context.input(0).shape;
  const y = context.outputShape();
  if (!weight || weight.stored || (context.has(2) && !bias) || x.length !== 4) return false;
  const [channels, outputs, kh, kw] = weight.shape as [number, number, number, number];
  const [n, , h, w] = x as [number, number, number, number];
  const { activation, ...rest } = node.epilogue ?? {};
  const patch = outputs * kh * kw;
  const fits =
    numberAttribute(node, 'group', 1) === 1 &&
    strides[0] === kh &&
    strides[1] === kw &&
    kh * kw > 1 &&
    [...dilations].every((dilation) => dilation === 1) &&
    [...begins, ...ends].every((pad) => pad === 0) &&
    y[2] === h * kh &&
    y[3] === w * kw &&
    outputs < manyOutputs &&
    patch <= mostPatchOutputs &&
    activation?.slope === undefined &&
    Object.keys(rest).length === 0;
  if (!fits) return false;

  const weights = madeOf(weight, kh * kw, turned(channels, patch));
  const patches = builder.extra(`${node.name}.patches`, [n, patch, h, w]);
  builder.steps.push({
    op: 'conv2d',
    name: node.name,
    inputs: [context.x(), builder.extra(`${node.name}.weight`, [patch, channels, 1, 1], weights)],
    outputs: [patches],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    groups: 1,
    epilogue: {
      ...(bias && { bias: builder.extra(`${node.name}.bias`, [patch], madeOf(bias, kh * kw, repeated(kh * kw))) }),
      ...(activation && { activation: planActivation(activation) }),
    },
  });
  const woven = builder.extra(`${node.name}.woven`, [n, outputs, h, kh, w, kw]);
  builder.steps.push({
    op: 'transpose',
    name: node.name,
    inputs: [builder.reshaped(patches, [n, outputs, kh, kw, h, w])],
    outputs: [woven],
    permutation: [0, 1, 4, 2, 5, 3],
  });
  builder.reshape(woven, context.y());
  return true;
}
