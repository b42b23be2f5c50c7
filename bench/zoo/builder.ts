/** Layers, written as exporters write them, with their shapes, weights and counts. */

import { type ActivationName, activations, momentsThrough } from './activations.js';
import { elementCount, type Moments, NetworkWriter, unitMoments, type Value } from './network.js';

/** Writes a network from the image to the logits. */
export type Architecture = (g: GraphBuilder, image: Value, classes: number) => Value;

/** 'same' is TensorFlow's: stride 2 over an even size pads below and to the right only. */
export type Padding = number | 'same';

export interface ConvOptions {
  /** Default 1. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Default: half the kernel. */
  readonly pad?: Padding;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly pad?: number;
  /** Round the output size up. */
  readonly ceil?: boolean;
}

/** Filters over fewer channels keep their mean: what is left of a depthwise filter without it is mostly noise. */
const LEAST_CENTRED = 8;

/** What pools do to the moments of rectified features; the averages of a window vary less than its elements. */
const poolMoments = {
  MaxPool: ({ mean, variance }: Moments): Moments => ({ mean: 2 * mean, variance: 1.2 * variance }),
  AveragePool: ({ mean, variance }: Moments): Moments => ({ mean, variance: 0.6 * variance }),
  global: ({ mean, variance }: Moments): Moments => ({ mean, variance: 0.2 * variance }),
};

export class GraphBuilder extends NetworkWriter {
  conv(x: Value, outputChannels: number, options: ConvOptions = {}): Value {
    const { kernel = 1, stride = 1, groups = 1, bias = false } = options;
    const [inputChannels, height, width] = featureMap(x);
    const groupInputs = inputChannels / groups;
    if (!Number.isInteger(groupInputs) || outputChannels % groups !== 0) {
      throw new Error(`${inputChannels} to ${outputChannels} channels do not divide into ${groups} groups`);
    }
    const rows = outputSpan(height, kernel, stride, options.pad);
    const columns = outputSpan(width, kernel, stride, options.pad);
    const fanIn = groupInputs * kernel * kernel;
    const node = this.unique('Conv');
    const kind = groupInputs >= LEAST_CENTRED ? 'centred' : 'normal';
    const weightShape = [outputChannels, groupInputs, kernel, kernel];
    const filters = this.learned(`${node}.weight`, weightShape, {
      kind,
      scale: 1 / Math.sqrt(fanIn * x.moments.variance),
    });
    const inputs = [x.name, filters];
    if (bias) inputs.push(this.learned(`${node}.bias`, [outputChannels], { kind: 'normal', scale: 0.1 }));
    this.countMacs(outputChannels * fanIn * rows.size * columns.size);
    const attributes = {
      dilations: { ints: [1, 1] },
      group: { int: groups },
      kernel_shape: { ints: [kernel, kernel] },
      pads: { ints: [rows.before, columns.before, rows.after, columns.after] },
      strides: { ints: [stride, stride] },
    };
    const result = { shape: [outputChannels, rows.size, columns.size], moments: unitMoments, node };
    const follows = { filters, inputMean: x.moments.mean };
    return { ...this.emit('Conv', inputs, attributes, result), follows };
  }

  /** `gain` scales gamma and beta: below 1 on the last norm of a residual branch, it keeps a deep sum from growing. */
  batchNorm(x: Value, gain = 1): Value {
    const node = this.unique('BatchNormalization');
    const dims = [x.shape[0]!];
    const { mean, variance } = x.moments;
    const scale = Math.sqrt(variance);
    const centre = x.follows ? { follows: x.follows } : { offset: mean };
    const inputs = [
      x.name,
      this.learned(`${node}.weight`, dims, { kind: 'gamma', scale: gain }),
      this.learned(`${node}.bias`, dims, { kind: 'beta', scale: gain }),
      this.statistic(`${node}.running_mean`, dims, { kind: 'mean', scale, ...centre }),
      this.statistic(`${node}.running_var`, dims, { kind: 'variance', scale }),
    ];
    const attributes = { epsilon: { float: this.options.epsilon }, momentum: { float: 0.9 } };
    const moments = { mean: 0, variance: 1.2 * gain * gain };
    return this.emit('BatchNormalization', inputs, attributes, { shape: x.shape, moments, node });
  }

  /** The usual three in a row. */
  convNormAct(x: Value, outputChannels: number, options: ConvOptions, activation: ActivationName): Value {
    return this.activation(this.batchNorm(this.conv(x, outputChannels, options)), activation);
  }

  activation(x: Value, name: ActivationName): Value {
    const { write, f } = activations[name];
    return { ...write(this, x), moments: momentsThrough(f, x.moments) };
  }

  add(a: Value, b: Value): Value {
    const sum = { mean: a.moments.mean + b.moments.mean, variance: a.moments.variance + b.moments.variance };
    return this.emit('Add', [a.name, b.name], {}, { shape: a.shape, moments: sum });
  }

  /** Squeeze-and-excitation: `x * gate(expand(act(squeeze(mean of x))))`, both convolutions with a bias. */
  squeezeExcite(x: Value, squeezed: number, activation: ActivationName, gate: ActivationName): Value {
    const hidden = this.activation(this.conv(this.globalAveragePool(x), squeezed, { bias: true }), activation);
    const weight = this.activation(this.conv(hidden, x.shape[0]!, { bias: true }), gate);
    const gateSquare = weight.moments.mean ** 2 + weight.moments.variance;
    const moments = { mean: x.moments.mean * weight.moments.mean, variance: x.moments.variance * gateSquare };
    return this.emit('Mul', [x.name, weight.name], {}, { shape: x.shape, moments });
  }

  concat(parts: readonly Value[]): Value {
    const channels = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    const average = (key: keyof Moments) =>
      parts.reduce((sum, part) => sum + part.moments[key] * part.shape[0]!, 0) / channels;
    const moments = { mean: average('mean'), variance: average('variance') };
    const shape = [channels, ...parts[0]!.shape.slice(1)];
    const names = parts.map((part) => part.name);
    return this.emit('Concat', names, { axis: { int: 1 } }, { shape, moments });
  }

  /** The two halves of the channels. */
  chunk(x: Value): [Value, Value] {
    const half = x.shape[0]! / 2;
    const node = this.unique('Split');
    const second = `/${node}_output_1`;
    const result = { shape: [half, ...x.shape.slice(1)], moments: x.moments, node, moreOutputs: [second] };
    const axis = { int: 1 };
    const first =
      this.options.opset >= 13
        ? this.emit('Split', [x.name, this.integers([half, half])], { axis }, result)
        : this.emit('Split', [x.name], { axis, split: { ints: [half, half] } }, result);
    return [first, { ...first, name: second }];
  }

  maxPool(x: Value, options: PoolOptions): Value {
    return this.#pool('MaxPool', x, options);
  }

  averagePool(x: Value, options: PoolOptions): Value {
    return this.#pool('AveragePool', x, options);
  }

  globalAveragePool(x: Value): Value {
    const result = { shape: [x.shape[0]!, 1, 1], moments: poolMoments.global(x.moments) };
    return this.emit('GlobalAveragePool', [x.name], {}, result);
  }

  /** Mean over height and width, as `x.mean([2, 3])` is exported: the result is `[C]`. */
  spatialMean(x: Value): Value {
    const result = { shape: [x.shape[0]!], moments: poolMoments.global(x.moments) };
    const keepdims = { int: 0 };
    return this.options.opset >= 18
      ? this.emit('ReduceMean', [x.name, this.integers([2, 3])], { keepdims }, result)
      : this.emit('ReduceMean', [x.name], { axes: { ints: [2, 3] }, keepdims }, result);
  }

  flatten(x: Value): Value {
    const result = { shape: [elementCount(x.shape)], moments: x.moments };
    return this.emit('Flatten', [x.name], { axis: { int: 1 } }, result);
  }

  /** Drops the height and width of a `[C, 1, 1]` value. */
  squeeze(x: Value): Value {
    const result = { shape: [x.shape[0]!], moments: x.moments };
    return this.options.opset >= 13
      ? this.emit('Squeeze', [x.name, this.integers([2, 3])], {}, result)
      : this.emit('Squeeze', [x.name], { axes: { ints: [2, 3] } }, result);
  }

  /** Leaves the values alone at inference; some exporters keep it. */
  dropout(x: Value): Value {
    const attributes = this.options.opset >= 12 ? {} : { ratio: { float: 0.5 } };
    return this.emit('Dropout', [x.name], attributes, { shape: x.shape, moments: x.moments });
  }

  /** Channel c of group g becomes channel g of group c; written as exporters do, through five dimensions. */
  channelShuffle(x: Value, groups: number): Value {
    const [channels, height, width] = featureMap(x);
    const perGroup = channels / groups;
    const { batch } = this.options;
    const target = (...dims: number[]) => this.integers([typeof batch === 'number' ? batch : -1, ...dims]);
    const { moments } = x;
    const split = [groups, perGroup, height, width];
    const grouped = this.emit('Reshape', [x.name, target(...split)], {}, { shape: split, moments });
    const swapped = [perGroup, groups, height, width];
    const perm = { ints: [0, 2, 1, 3, 4] };
    const turned = this.emit('Transpose', [grouped.name], { perm }, { shape: swapped, moments });
    return this.emit('Reshape', [turned.name, target(...x.shape)], {}, { shape: x.shape, moments });
  }

  /** Fully connected with the weights as PyTorch keeps them, `[out, in]`. */
  gemm(x: Value, outputs: number): Value {
    const node = this.unique('Gemm');
    const [weight, bias] = this.#fullyConnected(node, x, outputs, [outputs, x.shape[0]!]);
    const attributes = { alpha: { float: 1 }, beta: { float: 1 }, transB: { int: 1 } };
    return this.emit('Gemm', [x.name, weight, bias], attributes, { shape: [outputs], moments: unitMoments, node });
  }

  /** Fully connected as TensorFlow keeps it: weights `[in, out]`, the bias in a node of its own. */
  matMul(x: Value, outputs: number): Value {
    const node = this.unique('MatMul');
    const [weight, bias] = this.#fullyConnected(node, x, outputs, [x.shape[0]!, outputs]);
    const result = { shape: [outputs], moments: unitMoments };
    const sum = this.emit('MatMul', [x.name, weight], {}, { ...result, node });
    return this.emit('Add', [sum.name, bias], {}, result);
  }

  #fullyConnected(node: string, x: Value, outputs: number, weightShape: readonly number[]): [string, string] {
    const inputs = x.shape[0]!;
    this.countMacs(inputs * outputs);
    const weight = this.learned(`${node}.weight`, weightShape, {
      kind: 'centred',
      scale: 1 / Math.sqrt(inputs * x.moments.variance),
    });
    return [weight, this.learned(`${node}.bias`, [outputs], { kind: 'normal', scale: 0.1 })];
  }

  #pool(op: 'MaxPool' | 'AveragePool', x: Value, options: PoolOptions): Value {
    const { kernel, stride, pad = 0, ceil = false } = options;
    const [channels, height, width] = featureMap(x);
    const round = ceil ? Math.ceil : Math.floor;
    const pooled = (size: number) => round((size + 2 * pad - kernel) / stride) + 1;
    const attributes = {
      ceil_mode: { int: ceil ? 1 : 0 },
      kernel_shape: { ints: [kernel, kernel] },
      pads: { ints: [pad, pad, pad, pad] },
      strides: { ints: [stride, stride] },
    };
    const shape = [channels, pooled(height), pooled(width)];
    return this.emit(op, [x.name], attributes, { shape, moments: poolMoments[op](x.moments) });
  }
}

function featureMap(x: Value): [number, number, number] {
  const [channels, height, width] = x.shape;
  if (channels === undefined || height === undefined || width === undefined) {
    throw new Error(`${x.name} is no feature map: [${x.shape.join(', ')}]`);
  }
  return [channels, height, width];
}

/** Padding before and after along one side of the image, and the size of the result. */
function outputSpan(size: number, kernel: number, stride: number, pad: Padding = (kernel - 1) / 2) {
  if (pad !== 'same') return { before: pad, after: pad, size: Math.floor((size + 2 * pad - kernel) / stride) + 1 };
  const output = Math.ceil(size / stride);
  const total = Math.max(0, (output - 1) * stride + kernel - size);
  const before = Math.floor(total / 2);
  return { before, after: total - before, size: output };
}
