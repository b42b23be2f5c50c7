/**
 * Layers as they occur inside a network: each is measured in the middle of a chain, where its input and output have the
 * layout of the kernels. A layer that changes the number of channels takes turns with one that changes it back.
 */
import { type Attribute, encodeModel, type NodeData, type TensorData } from '../zoo/onnx-file.js';
import { RandomStream } from '../zoo/weights.js';

export interface Layer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly size: number;
  readonly kernel: number;
  readonly groups?: number;
}

const dense = (inputs: number, outputs: number, size: number, kernel: number): Layer => {
  const channels = inputs === outputs ? `${inputs}` : `${inputs}-${outputs}`;
  return { name: `${kernel}x${kernel}-${channels}-${size}px`, inputs, outputs, size, kernel };
};
const grouped = (name: string, channels: number, size: number, groups: number): Layer => {
  return { name: `${name}-${channels}-${size}px`, inputs: channels, outputs: channels, size, kernel: 3, groups };
};

export const layers: readonly Layer[] = [
  dense(256, 64, 56, 1),
  dense(64, 256, 56, 1),
  dense(512, 128, 28, 1),
  dense(1024, 256, 14, 1),
  dense(2048, 512, 7, 1),
  dense(64, 64, 56, 3),
  dense(128, 128, 28, 3),
  dense(256, 256, 14, 3),
  dense(512, 512, 7, 3),
  dense(64, 64, 28, 5),
  grouped('depthwise', 32, 112, 32),
  grouped('depthwise', 144, 56, 144),
  grouped('depthwise', 192, 28, 192),
  grouped('depthwise', 576, 14, 576),
  grouped('depthwise', 960, 7, 960),
  grouped('groups-of-4', 128, 56, 32),
];

/** How often the layer occurs in its chain. */
export const occurrences = 6;

/** Nodes that are to be measured are called `layer N`. */
export const isMeasured = (name: string): boolean => name.startsWith('layer ');

/** A convolution of stride 1 that keeps the size of the picture. */
interface Convolution {
  readonly node: NodeData;
  readonly weight: TensorData & { readonly data: Float32Array };
}

export function convolution(
  random: RandomStream,
  name: string,
  input: string,
  { inputs, outputs, kernel, groups = 1 }: Pick<Layer, 'inputs' | 'outputs' | 'kernel' | 'groups'>,
): Convolution {
  const dims = [outputs, inputs / groups, kernel, kernel];
  const fanIn = (kernel * kernel * inputs) / groups;
  const data = Float32Array.from({ length: outputs * fanIn }, () => random.normal() / Math.sqrt(fanIn));
  const pad = (kernel - 1) / 2;
  const attributes: Record<string, Attribute> = {
    kernel_shape: { ints: [kernel, kernel] },
    pads: { ints: [pad, pad, pad, pad] },
    group: { int: groups },
  };
  const weight = { name: `${name} weight`, dims, data };
  return { node: { op: 'Conv', name, inputs: [input, weight.name], outputs: [`${name} y`], attributes }, weight };
}

export function chainModel({ name, inputs, outputs, size, kernel, groups = 1 }: Layer): Uint8Array<ArrayBuffer> {
  const random = new RandomStream(1, name);
  const nodes: NodeData[] = [];
  const initializers: TensorData[] = [];
  let last = 'input';
  const convolve = (node: string, from: number, to: number, k: number, groups: number) => {
    const made = convolution(random, node, last, { inputs: from, outputs: to, kernel: k, groups });
    nodes.push(made.node);
    initializers.push(made.weight);
    last = `${node} y`;
  };
  // The first and the last also convert from and to the layout of the caller, so they are others.
  convolve('first', inputs, inputs, 1, inputs);
  for (let i = 0; i < occurrences; i++) {
    convolve(`layer ${i}`, inputs, outputs, kernel, groups);
    if (inputs !== outputs) convolve(`back ${i}`, outputs, inputs, 1, 1);
  }
  convolve('last', inputs, inputs, 1, inputs);
  return encodeModel({
    name,
    opset: 17,
    nodes,
    initializers,
    inputs: [{ name: 'input', dims: [1, inputs, size, size] }],
    outputs: [{ name: last, dims: [1, inputs, size, size] }],
  });
}
