/** Every network of the zoo against onnxruntime: instruction sets, threads, batches; and its counts after compiling. */
import test from 'ava';
import { loadModel } from '#lib/model.js';
import { tensor } from '#lib/tensor.js';
import { describe, networks, type ZooName, zooInput, zooModel, zooNames } from '../../bench/zoo/index.js';
import { repVgg, repVggA0 } from '../../bench/zoo/repvgg.js';
import { relativeDifference } from '../support/check-model.js';
import { bestIsa, checkRuns, expectedOutputs, type Input, isas, quick, TOLERANCE } from './comparison.js';

/** Small enough for the portable kernels; a stride of 32 still leaves 2x2. */
const SIZE = quick ? 32 : 64;

const chosen: readonly ZooName[] = quick ? ['mobilenet-v3-large', 'shufflenet-v2', 'squeezenet-1.1'] : zooNames;

/** Its 64-pixel file alone holds 176 MB: loaded once per instruction set, not per number of threads. */
const HEAVY: ReadonlySet<ZooName> = new Set(['vgg-16']);

function imageInput(name: ZooName, size: number, batch: number, seed = 1): Input {
  return {
    name: networks[name].input.name,
    shape: [batch, 3, size, size],
    data: zooInput(name, { size, batch, seed }),
  };
}

for (const name of chosen) {
  test.serial(`${name} on every instruction set, with 1, 2 and 8 threads, batches of 1 and 3`, async (t) => {
    t.timeout(300_000);
    const path = zooModel(name, { size: SIZE, batch: 'N' });
    const inputs = [imageInput(name, SIZE, 1), imageInput(name, SIZE, 3, 2)];
    const expected = await expectedOutputs(path, inputs);
    for (const isa of isas) {
      const alone = await checkRuns(t, path, inputs, expected, { isa, threads: 1 });
      // Sharing out is the same code for all; the best set stands for it.
      const more = isa !== bestIsa ? [] : HEAVY.has(name) ? [2] : [2, 8];
      for (const threads of more) await checkRuns(t, path, inputs, expected, { isa, threads }, alone);
    }
  });

  if (!quick) {
    test.serial(`${name} at 224 pixels on the best instruction set`, async (t) => {
      t.timeout(300_000);
      const path = zooModel(name);
      const inputs = [imageInput(name, 224, 1, 3)];
      await checkRuns(t, path, inputs, await expectedOutputs(path, inputs), { isa: bestIsa, threads: 2 });
    });
  }

  test(`${name}: what is left after compiling is what folding leaves`, async (t) => {
    const options = { size: SIZE, batch: 1 };
    const network =
      name === 'repvgg-a0' ? describe(repVgg(repVggA0, 'deploy'), options) : networks[name].describe(options);
    const model = await loadModel(zooModel(name, { size: SIZE, batch: 'N' }), { threads: 1 });
    const one = model.report({ [networks[name].input.name]: [1, 3, SIZE, SIZE] });
    t.is(one.macs, network.macs);
    t.is(model.report({ [networks[name].input.name]: [3, 3, SIZE, SIZE] }).macs, 3 * network.macs);
    // A norm after a convolution gives way to the convolution's bias: one number per channel less.
    const convolutions = new Set(network.nodes.filter(({ op }) => op === 'Conv').map(({ outputs }) => outputs[0]));
    const dims = new Map(network.drawn.map((tensor) => [tensor.name, tensor.dims]));
    const folded = network.nodes
      .filter(({ op, inputs }) => op === 'BatchNormalization' && convolutions.has(inputs[0]))
      .reduce((sum, { inputs }) => sum + dims.get(inputs[1]!)![0]!, 0);
    t.is(one.parameters, network.parameters - folded);
    t.true(one.nodesAfter < one.nodesBefore || one.nodesAfter === network.nodes.length);
    model.dispose();
  });
}

if (!quick) {
  // With LANEWISE_SELF_CHECK=error, as all tests here run, a layer that fails would have thrown.
  test.serial('the 3x3 layers of resnet-18 pass their self-check and are not computed directly', async (t) => {
    const { name, shape, data } = imageInput('resnet-18', 224, 1);
    t.is(process.env['LANEWISE_SELF_CHECK'], 'error');
    for (const isa of isas) {
      const model = await loadModel(zooModel('resnet-18'), { isa });
      const { steps } = await model.profile({ [name]: tensor(data, shape) });
      t.true(steps.filter(({ kernel }) => /^(winograd|matrix)/.test(kernel)).length >= 13, isa);
      model.dispose();
    }
  });
}

/** Dense 3x3 layers, where a faster algorithm with other roundings exists; groups; depthwise layers and gates. */
const strictNetworks: readonly ZooName[] = quick
  ? ['mobilenet-v3-large']
  : ['resnet-18', 'repvgg-a0', 'resnext-50', 'mobilenet-v3-large'];

for (const name of strictNetworks) {
  test.serial(`${name}: strict numerics give the same bits on all instruction sets that fuse`, async (t) => {
    const path = zooModel(name, { size: SIZE, batch: 'N' });
    const { name: port, shape, data } = imageInput(name, SIZE, 2);
    const expected = await expectedOutputs(path, [{ name: port, shape, data }]);
    const logits: Float32Array[] = [];
    for (const isa of isas) {
      const model = await loadModel(path, { isa, numerics: 'strict', threads: logits.length + 1 });
      const { data: got } = model.runSync({ [port]: tensor(data, shape) })['logits']!;
      const distance = relativeDifference(got, expected[0]!);
      t.true(distance < TOLERANCE, `${isa} differs by ${distance}`);
      if (isa !== 'scalar') logits.push(got);
      model.dispose();
    }
    for (const got of logits) t.deepEqual(got, logits[0]);
  });
}

test('a symbolic batch keeps at most the plans that were used last', async (t) => {
  const name = 'squeezenet-1.1';
  const model = await loadModel(zooModel(name, { size: 32, batch: 'N' }), { threads: 1 });
  for (let batch = 1; batch <= 10; batch++) model.report({ [networks[name].input.name]: [batch, 3, 32, 32] });
  const kept = Object.keys(model.memory().activationBytes);
  t.is(kept.length, 8);
  t.true(kept.some((key) => key.includes('10x3x32x32')));
  t.false(kept.some((key) => key.includes(': 1x3x32x32')));
  model.dispose();
});
