/** Runs beside the event loop: timers go on, inputs are copied, aborts and disposal, many at once. */
import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { LanewiseError, type Model, type Results } from '#lib/index.js';
import { quick } from './comparison.js';
import { image, loadSmall, slowInput, slowModel } from './small-models.js';

/** Some hundred milliseconds with portable kernels, and many steps to stop between. */
const STEPS = quick ? 6 : 30;
const slow = (): Promise<Model> => slowModel(STEPS, { isa: 'scalar', threads: 1 });

test.serial('timers fire while a model runs', async (t) => {
  const model = await slow();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const running = model.run({ x: slowInput(1) });
  t.is(ticks, 0);
  await running;
  clearInterval(timer);
  t.true(ticks > 0, 'the event loop stood still');
});

test.serial('runSync keeps the thread, and gives the same', async (t) => {
  const model = await slow();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const result = model.runSync({ x: slowInput(1) });
  clearInterval(timer);
  t.is(ticks, 0);
  t.deepEqual(await model.run({ x: slowInput(1) }), result);
});

test.serial('what happens to an input after the call is not seen', async (t) => {
  const model = await slow();
  const x = slowInput(1);
  const expected = model.runSync({ x });
  const running = model.run({ x });
  x.data.fill(Number.NaN);
  const again = slowInput(1);
  const moved = model.run({ x: again });
  structuredClone(again.data, { transfer: [again.data.buffer as ArrayBuffer] });
  t.deepEqual(await running, expected);
  t.deepEqual(await moved, expected);
});

test.serial('outputs can be transferred and kept', async (t) => {
  const model = await loadSmall();
  const { y } = await model.run({ x: image(1) });
  const copy = y!.data.slice();
  const moved = structuredClone(y!.data, { transfer: [y!.data.buffer as ArrayBuffer] });
  t.is(y!.data.length, 0);
  model.dispose();
  t.deepEqual(moved, copy);
});

test.serial('an abort before the run', async (t) => {
  const model = await slow();
  const reason = new Error('not today');
  const error = await t.throwsAsync(model.run({ x: slowInput(1) }, { signal: AbortSignal.abort(reason) }));
  t.is(error, reason);
  await t.throwsAsync(model.run({ x: slowInput(1) }, { signal: AbortSignal.abort() }), {
    any: true,
    name: 'AbortError',
  });
});

test.serial('an abort during the run', async (t) => {
  const model = await slow();
  const x = slowInput(1);
  const expected = model.runSync({ x });
  for (const reason of [new Error('enough'), 'a string', { any: 'value' }]) {
    const controller = new AbortController();
    const running = model.run({ x }, { signal: controller.signal });
    await nextTurn();
    controller.abort(reason);
    t.is(
      await running.then(
        () => t.fail('it went on'),
        (error: unknown) => error,
      ),
      reason,
    );
    t.is(getEventListeners(controller.signal, 'abort').length, 0);
  }
  await t.throwsAsync(model.run({ x }, { signal: AbortSignal.timeout(1) }), { any: true, name: 'TimeoutError' });
  t.deepEqual(await model.run({ x }), expected, 'as usable as before');
});

test.serial('an abort ends only its own run', async (t) => {
  const model = await slow();
  const x = slowInput(1);
  const expected = model.runSync({ x });
  const controller = new AbortController();
  const runs = await Promise.allSettled([
    model.run({ x }),
    model.run({ x }, { signal: controller.signal }),
    model.run({ x }, { signal: controller.signal }),
    model.run({ x }, { signal: new AbortController().signal }),
    nextTurn().then(() => controller.abort()),
  ]);
  t.deepEqual(
    runs.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
  );
  t.deepEqual((runs[0] as PromiseFulfilledResult<Results>).value, expected);
  t.deepEqual((runs[3] as PromiseFulfilledResult<Results>).value, expected);
});

test.serial('an abort after the run changes nothing', async (t) => {
  const model = await loadSmall();
  const controller = new AbortController();
  const first = await model.run({ x: image(1) }, { signal: controller.signal });
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  controller.abort();
  t.deepEqual(await model.run({ x: image(1) }), first);
});

test.serial('many runs at once give what they give alone', async (t) => {
  const model = await loadSmall({ threads: 3 });
  const images = Array.from({ length: 200 }, (_, i) => image(i + 1, 1 + (i % 4)));
  const expected = images.map((x) => model.runSync({ x }));
  t.deepEqual(await Promise.all(images.map((x) => model.run({ x }))), expected);
  const mixed = images.map((x, i) => (i % 3 === 0 ? model.runSync({ x }) : model.run({ x })));
  t.deepEqual(await Promise.all(mixed), expected);
});

test.serial('runs in flight outlive the model', async (t) => {
  const model = await slow();
  const x = slowInput(1);
  const expected = model.runSync({ x });
  const running = [model.run({ x }), model.run({ x }), model.run({ x })];
  model.dispose();
  await t.throwsAsync(model.run({ x }), { instanceOf: LanewiseError, code: 'ERR_DISPOSED' });
  t.deepEqual(await Promise.all(running), [expected, expected, expected]);
  const profiled = await slow();
  const profile = profiled.profile({ x });
  profiled.dispose();
  t.is((await profile).steps.filter(({ macs }) => macs > 0).length, STEPS);
});

test.serial('runs whose plan left the cache', async (t) => {
  const model = await loadSmall();
  const expected = model.runSync({ x: image(1) });
  const running: Promise<Results>[] = [];
  for (let round = 0; round < 3; round++) {
    running.push(model.run({ x: image(1) }));
    for (let batch = 2; batch < 12; batch++) running.push(model.run({ x: image(batch, batch) }));
  }
  const results = await Promise.all(running);
  for (const i of [0, 11, 22]) t.deepEqual(results[i], expected);
});
