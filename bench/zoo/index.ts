/** The zoo: well-known networks, untrained but with weights and batch norms such as training would leave. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.js';
import { type Architecture, GraphBuilder } from './builder.js';
import { denseNet, denseNet121 } from './densenet.js';
import { efficientNet, efficientNetScales } from './efficientnet.js';
import { googLeNet } from './googlenet.js';
import { mobileNetV1, mobileNetV2, mobileNetV3Large } from './mobilenet.js';
import { encodeNetwork, type Network } from './network.js';
import { repVgg, repVggA0 } from './repvgg.js';
import { regNetY400MF, residualNetwork, resNet18, resNet50, resNeXt50 } from './resnet.js';
import { shuffleNetV2, shuffleNetV2x1 } from './shufflenet.js';
import { squeezeNet } from './squeezenet.js';
import { vgg16 } from './vgg.js';
import { RandomStream } from './weights.js';

export interface ZooOptions {
  /** Images at once, or the name of a symbolic dimension such as 'N'. Default 1. */
  readonly batch?: number | string;
  /** Height and width of the image. Default 224. */
  readonly size?: number;
  /** Default 1000. */
  readonly classes?: number;
  readonly seed?: number;
  /** ONNX operator set, 10 to 20; some layers are written differently in older ones. */
  readonly opset?: number;
  /** Of the batch norms. Default: as in the original network. */
  readonly epsilon?: number;
}

export interface ZooModel {
  readonly onnx: Uint8Array<ArrayBuffer>;
  /** Learned numbers; a batch norm counts gamma and beta. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions and fully connected layers, for one image. */
  readonly macs: number;
}

export interface ZooNetwork {
  readonly title: string;
  /** Name and default shape of the one input; the one output is called `logits`. */
  readonly input: { readonly name: string; readonly shape: readonly [number, number, number, number] };
  /** Structure and counts without drawing any weights: takes milliseconds. */
  describe(options?: ZooOptions): Network;
  build(options?: ZooOptions): ZooModel;
}

const IMAGE_SIZE = 224;
const INPUT_NAME = 'input';

/** Counts of any architecture, also of those that the zoo does not list (other widths, deploy forms). */
export function describe(architecture: Architecture, options: ZooOptions = {}, name = 'network'): Network {
  const { batch = 1, size = IMAGE_SIZE, classes = 1000, seed = 1, opset = 17, epsilon = 1e-5 } = options;
  const g = new GraphBuilder({ name, batch, seed, opset, epsilon });
  return g.finish(architecture(g, g.input(INPUT_NAME, [3, size, size]), classes));
}

type Entry = readonly [title: string, architecture: Architecture, defaults?: ZooOptions];

/** Epsilon and the style of the operators are those of the framework that each network is usually exported from. */
const entries = {
  'mobilenet-v1': ['MobileNetV1 1.0', mobileNetV1(1), { epsilon: 1e-3, opset: 13 }],
  'mobilenet-v2': ['MobileNetV2 1.0', mobileNetV2(1)],
  'mobilenet-v3-large': ['MobileNetV3-Large', mobileNetV3Large, { epsilon: 1e-3 }],
  'efficientnet-b0': ['EfficientNet-B0', efficientNet(efficientNetScales[0]), { epsilon: 1e-3 }],
  'shufflenet-v2': ['ShuffleNetV2 1.0x', shuffleNetV2(shuffleNetV2x1)],
  'resnet-18': ['ResNet-18', residualNetwork(resNet18)],
  'resnet-50': ['ResNet-50', residualNetwork(resNet50)],
  'resnext-50': ['ResNeXt-50 32x4d', residualNetwork(resNeXt50)],
  'regnet-y-400mf': ['RegNetY-400MF', residualNetwork(regNetY400MF), { opset: 18 }],
  'densenet-121': ['DenseNet-121', denseNet(denseNet121)],
  'squeezenet-1.1': ['SqueezeNet 1.1', squeezeNet, { opset: 11 }],
  googlenet: ['GoogLeNet', googLeNet, { epsilon: 1e-3 }],
  'vgg-16': ['VGG-16', vgg16, { opset: 12 }],
  'repvgg-a0': ['RepVGG-A0 (training form)', repVgg(repVggA0, 'training')],
} as const satisfies Record<string, Entry>;

export type ZooName = keyof typeof entries;

export const networks = Object.fromEntries(
  Object.entries<Entry>(entries).map(([name, entry]) => [name, zooNetwork(name, ...entry)]),
) as Record<ZooName, ZooNetwork>;

export const zooNames = Object.keys(networks) as ZooName[];

export function isZooName(name: string): name is ZooName {
  return Object.hasOwn(networks, name);
}

function zooNetwork(name: string, title: string, architecture: Architecture, defaults: ZooOptions = {}): ZooNetwork {
  const describeThis = (options: ZooOptions = {}) => describe(architecture, { ...defaults, ...options }, name);
  return {
    title,
    input: { name: INPUT_NAME, shape: [1, 3, IMAGE_SIZE, IMAGE_SIZE] },
    describe: describeThis,
    build(options) {
      const network = describeThis(options);
      return { onnx: encodeNetwork(network), parameters: network.parameters, macs: network.macs };
    },
  };
}

/** Raise it when weights are drawn or files are encoded differently: what else decides the bytes is hashed itself. */
const GENERATOR_VERSION = 1;

/** Path of the network's file under `build/zoo/`, which is written at the first call and whenever the network changes. */
export function zooModel(name: ZooName, options?: ZooOptions): string {
  const network = networks[name].describe(options);
  const { nodes, drawn, literals, inputs, outputs } = network;
  const identity = JSON.stringify([GENERATOR_VERSION, network.options, nodes, drawn, literals, inputs, outputs]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 12);
  const folder = join(repositoryRoot(), 'build', 'zoo');
  const path = join(folder, `${name}-${hash}.onnx`);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    // Tests run in several processes: nobody may see half a file.
    const partial = `${path}.${process.pid}.partial`;
    writeFileSync(partial, encodeNetwork(network));
    renameSync(partial, path);
  }
  return path;
}

/** An image as networks see it after normalisation: smooth structure plus noise, in about [-2, 2], NCHW. */
export function zooInput(
  name: ZooName,
  options: { batch?: number; size?: number; seed?: number } = {},
): Float32Array<ArrayBuffer> {
  const { batch = 1, size = IMAGE_SIZE, seed = 1 } = options;
  const random = new RandomStream(seed, `${name} input`);
  const image = new Float32Array(batch * 3 * size * size);
  for (let plane = 0; plane < batch * 3; plane++) {
    const waves = Array.from({ length: 4 }, () => ({
      x: (random.uniform() - 0.5) * 60,
      y: (random.uniform() - 0.5) * 60,
      phase: random.uniform() * 2 * Math.PI,
    }));
    const offset = (random.uniform() - 0.5) * 0.6;
    for (let y = 0, i = plane * size * size; y < size; y++) {
      for (let x = 0; x < size; x++, i++) {
        let value = offset + 0.3 * random.normal();
        for (const wave of waves) value += 0.35 * Math.sin((wave.x * x + wave.y * y) / size + wave.phase);
        image[i] = Math.min(2, Math.max(-2, value));
      }
    }
  }
  return image;
}
