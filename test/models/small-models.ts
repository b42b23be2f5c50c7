/** Models of a few nodes for the tests of `loadModel` and `Model`. */
import { type LoadOptions, loadModel, type Model, type Tensor, tensor } from '#lib/index.js';
import { buildModel, floats, type ModelSpec, type NodeSpec, random } from '../support/onnx-builder.js';

/** Convolution, activation, pooling and a second output, for any batch. */
export const smallSpec: ModelSpec = {
  inputs: { x: ['N', 3, 8, 8] },
  constants: { w: random([10, 3, 3, 3], 1), b: random([10], 2), v: random([5, 10, 1, 1], 3) },
  nodes: [
    { op: 'Conv', name: 'first', inputs: ['x', 'w', 'b'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', name: 'relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Conv', name: 'second', inputs: ['r', 'v'], outputs: ['y'] },
    { op: 'GlobalAveragePool', name: 'mean', inputs: ['r'], outputs: ['m'] },
  ],
  outputs: ['y', 'm'],
};
export const smallBytes = buildModel(smallSpec);
export const loadSmall = (options?: LoadOptions): Promise<Model> => loadModel(smallBytes, options);

/** Without symbolic extents, so that everything is found out when it is loaded. */
export const fixedBytes = buildModel({ ...smallSpec, inputs: { x: [2, 3, 8, 8] } });

export const image = (seed: number, batch = 1): Tensor => {
  const { shape, data } = random([batch, 3, 8, 8], seed);
  return tensor(data, shape);
};

/** Convolutions one after the other: `steps` of 37 million multiply-adds each on an input of 64 channels. */
export function slowBytes(steps: number): Uint8Array {
  const { data } = random([64, 64, 3, 3], 4);
  const nodes: NodeSpec[] = Array.from({ length: steps }, (_, i) => ({
    op: 'Conv',
    name: `step ${i}`,
    inputs: [i === 0 ? 'x' : `t${i}`, 'w'],
    outputs: [i === steps - 1 ? 'y' : `t${i + 1}`],
    attributes: { pads: [1, 1, 1, 1] },
  }));
  const spec: ModelSpec = {
    inputs: { x: [1, 64, 32, 32] },
    constants: {
      w: floats(
        [64, 64, 3, 3],
        data.map((value) => value / 14),
      ),
    },
    nodes,
    outputs: ['y'],
  };
  return buildModel(spec);
}
export const slowModel = (steps: number, options?: LoadOptions): Promise<Model> => loadModel(slowBytes(steps), options);
export const slowInput = (seed: number): Tensor => {
  const { shape, data } = random([1, 64, 32, 32], seed);
  return tensor(data, shape);
};
