/** The zoo after passes and lowering: which steps are left, and that they still do the work the network is known for. */
import test from 'ava';
import { compileForShapes, simplifyGraph } from '#lib/graph/compile.js';
import { planCost } from '#lib/graph/cost.js';
import { readModel } from '#lib/onnx/read.js';
import { networks } from '../../bench/zoo/index.js';
import { referenceAlgebra } from '../support/weight-algebra.js';

/** Every batch norm, activation, addition and gate has to be in one of these steps. VGG-16 is left out: it takes long to draw and has nothing to fold. */
const steps: Partial<Record<keyof typeof networks, Record<string, number>>> = {
  'mobilenet-v1': { conv2d: 28, globalPool: 1, reshape: 1 },
  'mobilenet-v2': { conv2d: 52, globalPool: 1, reshape: 1, matmul: 1 },
  'mobilenet-v3-large': { conv2d: 46, squeezeExcite: 8, globalPool: 1, reshape: 1, matmul: 2 },
  'efficientnet-b0': { conv2d: 49, squeezeExcite: 16, globalPool: 1, reshape: 1, matmul: 1 },
  'shufflenet-v2': {
    conv2d: 56,
    pool2d: 1,
    concat: 16,
    channelShuffle: 16,
    split: 13,
    globalPool: 1,
    reshape: 1,
    matmul: 1,
  },
  'resnet-18': { conv2d: 20, pool2d: 1, globalPool: 1, reshape: 1, matmul: 1 },
  'resnet-50': { conv2d: 53, pool2d: 1, globalPool: 1, reshape: 1, matmul: 1 },
  'resnext-50': { conv2d: 53, pool2d: 1, globalPool: 1, reshape: 1, matmul: 1 },
  'regnet-y-400mf': { conv2d: 53, squeezeExcite: 16, globalPool: 1, reshape: 1, matmul: 1 },
  // 59 of 121 batch norms follow a convolution; the others stand before a ReLU and stay, with it, as scales.
  'densenet-121': { conv2d: 120, pool2d: 4, scale: 62, concat: 58, globalPool: 1, reshape: 1, matmul: 1 },
  'squeezenet-1.1': { conv2d: 26, pool2d: 3, concat: 8, globalPool: 1, reshape: 1 },
  googlenet: { conv2d: 57, pool2d: 13, concat: 9, globalPool: 1, reshape: 1, matmul: 1 },
  'repvgg-a0': { conv2d: 22, globalPool: 1, reshape: 1, matmul: 1 },
};

/** Merged branches do less than the network as it was trained: the counts of its deploy form. */
const merged: Partial<Record<keyof typeof networks, { macs: number; parameters: number }>> = {
  'repvgg-a0': { macs: 1_361, parameters: 8_309_384 },
};

for (const [name, expected] of Object.entries(steps) as [keyof typeof networks, Record<string, number>][]) {
  test(name, (t) => {
    const network = networks[name];
    const { onnx, macs } = network.build({ batch: 'N' });
    const { graph, report } = simplifyGraph(readModel(onnx), { fold: referenceAlgebra });
    const { plan } = compileForShapes(
      graph,
      { [network.input.name]: network.input.shape },
      { fold: referenceAlgebra, before: report },
    );
    const counts: Record<string, number> = {};
    for (const { op } of plan.steps) counts[op] = (counts[op] ?? 0) + 1;
    t.deepEqual(counts, expected);
    const cost = planCost(plan);
    const golden = merged[name];
    if (!golden) t.is(cost.macs, macs);
    else t.deepEqual({ macs: Math.round(cost.macs / 1e6), parameters: cost.parameters }, golden);
  });
}
