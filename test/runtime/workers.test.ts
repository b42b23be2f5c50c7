/** Worker threads: each with models of its own, ended in the middle of runs. */

import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { quick } from '../models/comparison.js';
import { image, loadSmall } from '../models/small-models.js';

const models = new URL('../models/small-models.js', import.meta.url).href;

/** A worker that runs this text as a module, with the small models at hand. */
function start(program: string): Worker {
  const text = `
    import { parentPort } from 'node:worker_threads';
    import { image, loadSmall, slowInput, slowModel } from ${JSON.stringify(models)};
    ${program}
  `;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`));
}

function message(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
  });
}

const running = `
  const model = await slowModel(30, { isa: 'scalar', threads: 2 });
  const x = slowInput(1);
  for (let i = 0; i < 8; i++) void model.run({ x });
  parentPort.postMessage('running');
`;

test.serial('several workers give what the main thread gives', async (t) => {
  const count = quick ? 2 : 5;
  const x = image(4, 3);
  const model = await loadSmall();
  const expected = model.runSync({ x })['y']!.data;
  const workers = Array.from({ length: count }, () =>
    start(`
      const model = await loadSmall({ threads: 2 });
      const results = await Promise.all(Array.from({ length: 20 }, () => model.run({ x: image(4, 3) })));
      parentPort.postMessage(results.map(({ y }) => y.data));
    `),
  );
  const own = Promise.all(Array.from({ length: 50 }, () => model.run({ x })));
  for (const results of (await Promise.all(workers.map(message))) as Float32Array[][]) {
    for (const result of results) t.deepEqual(result, expected);
  }
  for (const { y } of await own) t.deepEqual(y!.data, expected);
  for (const worker of workers) await worker.terminate();
});

test.serial('workers ended with runs in flight', async (t) => {
  t.timeout(120_000);
  for (let round = 0; round < (quick ? 3 : 10); round++) {
    const worker = start(running);
    t.is(await message(worker), 'running');
    await delay(round);
    worker.removeAllListeners('exit');
    t.is(await worker.terminate(), 1);
  }
  const model = await loadSmall();
  t.is((await model.run({ x: image(1) }))['y']!.size, 320);
});

test.serial('a worker that exits with runs in flight', async (t) => {
  const worker = start(`${running} setTimeout(() => process.exit(5), 3);`);
  t.is(await new Promise((resolve) => worker.once('exit', resolve)), 5);
});

test.serial('a worker that throws with runs in flight', async (t) => {
  const worker = start(`${running} setTimeout(() => { throw new Error('on purpose'); }, 3);`);
  const error = await new Promise<Error>((resolve) => worker.once('error', resolve));
  t.is(error.message, 'on purpose');
});

test.serial('a worker ended while it loads', async (t) => {
  for (let round = 0; round < (quick ? 2 : 8); round++) {
    const worker = start(
      'for (;;) { const model = await slowModel(4); await model.run({ x: slowInput(1) }); model.dispose(); }',
    );
    await delay(20 * round);
    await worker.terminate();
  }
  t.pass();
});

test.serial('the main thread runs on while workers come and go', async (t) => {
  const model = await loadSmall({ threads: 2 });
  const x = image(9, 2);
  const expected = model.runSync({ x });
  let done = false;
  const loop = (async () => {
    while (!done) t.deepEqual(await model.run({ x }), expected);
  })();
  for (let round = 0; round < 3; round++) {
    const worker = start(running);
    await message(worker);
    worker.removeAllListeners('exit');
    await worker.terminate();
  }
  done = true;
  await loop;
});
