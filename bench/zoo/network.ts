/**
 * The bookkeeping under the layers of builder.ts: names, nodes, tensors, counts.
 *
 * Weights are only *described* here (see weights.ts) and drawn when the file is encoded, so counting costs nothing.
 */

import { type Attribute, encodeModel, type NodeData, type ValueInfo } from './onnx-file.js';
import { type Draw, type DrawnTensor, drawTensors } from './weights.js';

/**
 * Expected mean and variance of all elements of a tensor. Weights and running statistics are scaled by them, so that an
 * untrained network stays in the range of a trained one. They only have to be roughly right.
 */
export interface Moments {
  readonly mean: number;
  readonly variance: number;
}

export const unitMoments: Moments = { mean: 0, variance: 1 };

/** A tensor of the network; the shape is without the batch: `[C, H, W]` or `[C]`. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly moments: Moments;
  /** The filters of the convolution that made it, and the mean of what went into that. */
  readonly follows?: Draw['follows'];
}

export interface NetworkOptions {
  readonly name: string;
  readonly opset: number;
  /** A number, or the name of a symbolic dimension. */
  readonly batch: number | string;
  readonly seed: number;
  /** Of every batch norm. */
  readonly epsilon: number;
}

/** A tensor with given contents: target shapes, split sizes, clip bounds. */
export interface LiteralTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: readonly number[];
  readonly type: 'int64' | 'float32';
}

/** A finished network: structure and counts, weights still to be drawn. */
export interface Network {
  readonly options: NetworkOptions;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly NodeData[];
  readonly drawn: readonly DrawnTensor[];
  readonly literals: readonly LiteralTensor[];
  /** Learned numbers; a batch norm counts gamma and beta, not its running statistics. */
  readonly parameters: number;
  /** Of convolutions and fully connected layers, for one image. */
  readonly macs: number;
}

/** What a node gives; `node` is a name reserved with `unique` beforehand, because the node's weights carry it too. */
export interface Result {
  readonly shape: readonly number[];
  readonly moments: Moments;
  readonly node?: string;
  readonly moreOutputs?: readonly string[];
}

export const elementCount = (dims: readonly number[]) => dims.reduce((product, size) => product * size, 1);

export class NetworkWriter {
  readonly options: NetworkOptions;
  readonly #inputs: ValueInfo[] = [];
  readonly #nodes: NodeData[] = [];
  readonly #drawn: DrawnTensor[] = [];
  readonly #literals = new Map<string, LiteralTensor>();
  readonly #counters = new Map<string, number>();
  #scope = '';
  #parameters = 0;
  #macs = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Names of what follows begin with `scope`, as module paths do in PyTorch. */
  enter(scope: string): void {
    this.#scope = scope;
  }

  input(name: string, shape: readonly number[]): Value {
    this.#inputs.push({ name, dims: [this.options.batch, ...shape] });
    return { name, shape, moments: unitMoments };
  }

  emit(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>, result: Result): Value {
    const name = result.node ?? this.unique(op);
    const output = `/${name}_output_0`;
    this.#nodes.push({ op, name: `/${name}`, inputs, outputs: [output, ...(result.moreOutputs ?? [])], attributes });
    return { name: output, shape: result.shape, moments: result.moments };
  }

  /** A scalar as PyTorch's exporter writes it: a Constant node of rank 0. */
  scalar(value: number): string {
    const tensor = { name: '', dims: [], data: Float32Array.of(value) };
    return this.emit('Constant', [], { value: { tensor } }, { shape: [], moments: unitMoments }).name;
  }

  /** A vector of integers, as an initializer; equal ones share it. */
  integers(values: readonly number[]): string {
    const name = `integers_${values.join('_')}`;
    this.#literals.set(name, { name, dims: [values.length], values, type: 'int64' });
    return name;
  }

  /** A name of its own within the scope. */
  unique(op: string): string {
    const stem = this.#scope === '' ? op : `${this.#scope}/${op}`;
    const count = this.#counters.get(stem) ?? 0;
    this.#counters.set(stem, count + 1);
    return count === 0 ? stem : `${stem}_${count}`;
  }

  /** A tensor that training would change by gradient; counted. */
  learned(name: string, dims: readonly number[], draw: Draw): string {
    this.#parameters += elementCount(dims);
    return this.statistic(name, dims, draw);
  }

  /** A tensor that training gathers; not counted. */
  statistic(name: string, dims: readonly number[], draw: Draw): string {
    this.#drawn.push({ name, dims, draw });
    return name;
  }

  countMacs(macs: number): void {
    this.#macs += macs;
  }

  finish(output: Value): Network {
    const last = this.#nodes.find((node) => node.outputs[0] === output.name);
    if (last === undefined) throw new Error(`${output.name} is not the result of a node`);
    return {
      options: this.options,
      inputs: this.#inputs,
      outputs: [{ name: 'logits', dims: [this.options.batch, ...output.shape] }],
      nodes: this.#nodes.map((node) => (node === last ? { ...node, outputs: ['logits'] } : node)),
      drawn: this.#drawn,
      literals: [...this.#literals.values()],
      parameters: this.#parameters,
      macs: this.#macs,
    };
  }
}

/** Draws the weights and writes the file. The same network gives the same bytes, everywhere. */
export function encodeNetwork(network: Network): Uint8Array<ArrayBuffer> {
  const { name, opset, seed } = network.options;
  const weights = drawTensors(network.drawn, seed);
  const drawn = network.drawn.map(({ name, dims }) => ({ name, dims, data: weights.get(name)! }));
  const literals = network.literals.map(({ name, dims, values, type }) => ({
    name,
    dims,
    data: type === 'int64' ? BigInt64Array.from(values, BigInt) : Float32Array.from(values),
  }));
  const { nodes, inputs, outputs } = network;
  return encodeModel({ name, opset, nodes, initializers: [...drawn, ...literals], inputs, outputs });
}
