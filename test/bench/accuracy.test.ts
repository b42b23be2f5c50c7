/** The float64 layer of the bench against the naive convolution of the tests, and how errors are counted. */
import test from 'ava';
import { errorsOf, exactOutput, layerErrors } from '../../bench/layers/accuracy.js';
import type { Layer } from '../../bench/layers/chains.js';
import { timesOfRuns } from '../../bench/layers/rival.js';
import { RandomStream } from '../../bench/zoo/weights.js';
import { naiveConv } from '../support/naive-conv.js';

const small: readonly Layer[] = [
  { name: 'dense 3x3', inputs: 3, outputs: 5, size: 6, kernel: 3 },
  { name: 'pointwise', inputs: 4, outputs: 2, size: 3, kernel: 1 },
  { name: 'depthwise 5x5', inputs: 4, outputs: 4, size: 7, kernel: 5, groups: 4 },
  { name: 'grouped', inputs: 6, outputs: 4, size: 4, kernel: 3, groups: 2 },
];

for (const layer of small) {
  test(`${layer.name}: every output is that of the definition`, (t) => {
    const { name, inputs, outputs, size, kernel, groups = 1 } = layer;
    const random = new RandomStream(1, name);
    const draw = (length: number) => Float32Array.from({ length }, () => random.normal());
    const x = draw(inputs * size * size);
    const weight = draw((outputs * inputs * kernel * kernel) / groups);
    const pad = (kernel - 1) / 2;
    const expected = naiveConv(
      { shape: [1, inputs, size, size], data: x },
      { shape: [outputs, inputs / groups, kernel, kernel], data: weight },
      { strides: [1, 1], dilations: [1, 1], pads: [pad, pad, pad, pad], groups },
    );
    t.is(expected.data.length, outputs * size * size);
    for (const [i, value] of expected.data.entries())
      t.true(Math.abs(exactOutput(layer, x, weight, i) - value) <= 1e-12, `output ${i}`);
  });
}

test('errors are relative to the largest output, and of the places that are known exactly', (t) => {
  const actual = Float32Array.of(1, -8, 3, 4);
  const exact = new Map([
    [0, 1],
    [2, 7],
  ]);
  t.deepEqual(errorsOf(actual, exact), { max: 0.5, rms: Math.sqrt(0.25 / 2) });
  t.deepEqual(errorsOf(actual, new Map([[3, 4]])), { max: 0, rms: 0 });
});

test('both engines are as near as float32 allows', async (t) => {
  const layer = { name: '3x3', inputs: 16, outputs: 8, size: 9, kernel: 3 };
  const { ours, rival } = await layerErrors(layer, 'scalar');
  const bound = 2 ** -24 * (16 * 9 + 1) * 8; // Winograd is not far from it either
  for (const { max, rms } of [ours, rival]) {
    t.true(max <= bound);
    t.true(rms <= max);
    t.true(max > 0);
  }
});

test('of a profile of onnxruntime the kernels of the measured layers are read, run by run', (t) => {
  const event = (name: string, dur: number, cat = 'Node') => ({ cat, name, dur });
  const run = (first: number) => [
    event('first y_nchwc_kernel_time', 999),
    ...Array.from({ length: 6 }, (_, i) => [
      event(`layer ${i} y_nchwc_fence_before`, 0),
      event(`layer ${i} y_nchwc_kernel_time`, first + i),
      event(`back ${i} y_nchwc_kernel_time`, 999),
    ]).flat(),
    event('model_run', 99999, 'Session'),
  ];
  const text = JSON.stringify([event('session_initialization', 5, 'Session'), ...run(1000), ...run(2000)]);
  t.deepEqual(timesOfRuns(text), [
    [1, 1.001, 1.002, 1.003, 1.004, 1.005],
    [2, 2.001, 2.002, 2.003, 2.004, 2.005],
  ]);
});
