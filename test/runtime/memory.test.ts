/** What a model keeps in memory, what V8 is told of it, and that it comes back. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { canSpawn, failingAddon, root } from './child.js';

if (failingAddon) process.env['LANEWISE_PREBUILD'] = failingAddon;
const { prepareConv2d, relu, tensor } = await import('#lib/index.js');
const { native } = await import('#lib/native.js');
const { image, loadSmall, slowInput, slowModel } = await import('../models/small-models.js');

const counting = failingAddon ? test.serial : test.serial.skip;
const reported = () => (native as unknown as { reportedBytes(): number }).reportedBytes();

counting('V8 knows of packed weights and of activations until they are freed', async (t) => {
  const before = reported();
  const model = await slowModel(2, { threads: 1 });
  const x = slowInput(1);
  const { packedBytes, heldBytes } = model.memory();
  t.true(packedBytes >= 64 * 64 * 9 * 4);
  t.is(heldBytes, packedBytes, 'no run yet');
  t.is(reported() - before, heldBytes);

  model.runSync({ x });
  const afterOne = model.memory();
  const [activations] = Object.values(afterOne.activationBytes);
  t.true(afterOne.heldBytes >= packedBytes + activations!);
  t.is(reported() - before, afterOne.heldBytes);

  for (let i = 0; i < 5; i++) model.runSync({ x });
  t.deepEqual(model.memory(), afterOne, 'the same memory again');

  model.dispose();
  t.is(reported(), before);
});

counting('a load that is refused after packing keeps nothing', async (t) => {
  const before = reported();
  const limits = { maxActivationBytes: 1 };
  await t.throwsAsync(slowModel(2, { threads: 1, limits }), { code: 'ERR_LIMIT', message: /maxActivationBytes/ });
  t.is(reported(), before);
});

counting('runs at the same time have memory each, and keep it for the next', async (t) => {
  const before = reported();
  const model = await slowModel(4, { threads: 1, maxConcurrency: 2 });
  const x = slowInput(1);
  await Promise.all([model.run({ x }), model.run({ x })]);
  const { heldBytes, packedBytes } = model.memory();
  for (let i = 0; i < 10; i++) await Promise.all([model.run({ x }), model.run({ x }), model.run({ x })]);
  const later = model.memory().heldBytes;
  const [activations] = Object.values(model.memory().activationBytes);
  t.true(heldBytes >= packedBytes + activations!);
  t.true(later <= packedBytes + 2 * (heldBytes - packedBytes), 'at most one for each run under way');
  t.is(reported() - before, later);
  model.dispose();
  t.is(reported(), before);
});

counting('plans of shapes that have gone by are freed', async (t) => {
  const before = reported();
  const model = await loadSmall({ threads: 1 });
  const sizes: number[] = [];
  for (let batch = 1; batch <= 20; batch++) {
    model.runSync({ x: image(1, batch) });
    const { activationBytes } = model.memory();
    sizes.push(Object.keys(activationBytes).length);
    t.true(`x: ${batch}x3x8x8` in activationBytes);
  }
  t.deepEqual(sizes.slice(0, 8), [1, 2, 3, 4, 5, 6, 7, 8]);
  t.true(sizes.slice(8).every((size) => size === 8));
  t.is(reported() - before, model.memory().heldBytes);
  model.dispose();
  t.is(reported(), before);
});

counting('a prepared convolution', (t) => {
  const before = reported();
  const conv = prepareConv2d(tensor(new Float32Array(64 * 64 * 9), [64, 64, 3, 3]));
  conv.run(tensor(new Float32Array(64 * 100), [1, 64, 10, 10]));
  t.true(reported() - before >= 64 * 64 * 9 * 4);
  conv.dispose();
  conv.dispose();
  t.is(reported(), before);
});

counting('an eager operator leaves nothing', (t) => {
  const before = reported();
  for (let i = 0; i < 10; i++) relu(tensor(new Float32Array(1000), [1000]));
  t.is(reported(), before);
});

// Sanitizers keep freed memory to themselves.
(canSpawn && failingAddon ? test.serial : test.skip)('memory comes back: a short soak', async (t) => {
  t.timeout(120_000);
  const program = join(root, 'build/ts/bench/soak/main.js');
  // Few rounds measure the warming up of V8, too: 40 MB are less than a third of what 30 kept copies of the weights take.
  const options = [
    '--cycles',
    '40',
    '--runs',
    '2000',
    '--networks',
    'squeezenet-1.1',
    '--size',
    '64',
    '--allowed',
    '40',
  ];
  // Exit code 1 when it does not.
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...options], { cwd: root });
  t.log(stdout);
  t.pass();
});
