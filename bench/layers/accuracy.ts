/** Errors of a layer in both engines, against the definition in float64. */
import { type Isa, loadModel, tensor } from 'lanewise';
import * as ort from 'onnxruntime-node';
import { encodeModel } from '../zoo/onnx-file.js';
import { RandomStream } from '../zoo/weights.js';
import { convolution, type Layer } from './chains.js';

/** Relative to the largest output of the layer. */
export interface Errors {
  readonly max: number;
  readonly rms: number;
}

export interface LayerErrors {
  readonly ours: Errors;
  readonly rival: Errors;
}

/** Outputs that are computed exactly; all of a layer would take as long as the bench. */
const samples = 64;

/** One output element of a convolution of stride 1 that keeps the size of the picture; `index` is its place in NCHW. */
export function exactOutput(
  { inputs, outputs, size, kernel, groups = 1 }: Layer,
  x: Float32Array,
  weight: Float32Array,
  index: number,
): number {
  const column = index % size;
  const row = Math.floor(index / size) % size;
  const channel = Math.floor(index / (size * size));
  const depth = inputs / groups;
  const firstInput = depth * Math.floor(channel / (outputs / groups));
  const pad = (kernel - 1) / 2;
  let sum = 0;
  for (let c = 0; c < depth; c++) {
    for (let ky = 0; ky < kernel; ky++) {
      const y = row + ky - pad;
      if (y < 0 || y >= size) continue;
      for (let kx = 0; kx < kernel; kx++) {
        const from = column + kx - pad;
        if (from < 0 || from >= size) continue;
        sum +=
          x[((firstInput + c) * size + y) * size + from]! *
          weight[((channel * depth + c) * kernel + ky) * kernel + kx]!;
      }
    }
  }
  return sum;
}

/** @param exact pairs of a place and what belongs there */
export function errorsOf(actual: Float32Array, exact: ReadonlyMap<number, number>): Errors {
  const largest = actual.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const errors = [...exact].map(([index, value]) => Math.abs(actual[index]! - value) / largest);
  return {
    max: Math.max(...errors),
    rms: Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length),
  };
}

export async function layerErrors(layer: Layer, isa: Isa): Promise<LayerErrors> {
  const random = new RandomStream(2, layer.name);
  const { node, weight } = convolution(random, 'layer', 'x', layer);
  const { name, inputs, outputs, size } = layer;
  const dims = [1, inputs, size, size];
  const data = Float32Array.from({ length: inputs * size * size }, () => random.normal());
  const length = outputs * size * size;
  const exact = new Map<number, number>();
  while (exact.size < Math.min(samples, length)) {
    const index = Math.floor(random.uniform() * length);
    exact.set(index, exactOutput(layer, data, weight.data, index));
  }
  const onnx = encodeModel({
    name,
    opset: 17,
    nodes: [node],
    initializers: [weight],
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'layer y', dims: [1, outputs, size, size] }],
  });
  const model = await loadModel(onnx, { isa });
  const session = await ort.InferenceSession.create(onnx, { executionProviders: ['cpu'], logSeverityLevel: 3 });
  try {
    const ours = model.runSync({ x: tensor(data, dims) })['layer y']?.data as Float32Array;
    const results = await session.run({ x: new ort.Tensor('float32', data, dims) });
    const rival = results['layer y']?.data as Float32Array;
    return { ours: errorsOf(ours, exact), rival: errorsOf(rival, exact) };
  } finally {
    model.dispose();
    await session.release();
  }
}
