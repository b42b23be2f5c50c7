/** The queue of a model: bounds, order, counts, aborts, the end. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { LanewiseError, loadModel, type Model, type ModelStats } from '#lib/index.js';
import { quick } from '../models/comparison.js';
import { fixedBytes, image, loadSmall, slowInput, slowModel } from '../models/small-models.js';

const STEPS = quick ? 4 : 12;
const x = slowInput(1);
const slow = (maxConcurrency: number, maxQueue?: number): Promise<Model> =>
  slowModel(STEPS, { isa: 'scalar', threads: 1, maxConcurrency, ...(maxQueue !== undefined && { maxQueue }) });

/** The whole numbers of it. */
const countsOf = ({ queued, running, done, failed, aborted, refused }: ModelStats) => ({
  queued,
  running,
  done,
  failed,
  aborted,
  refused,
});

test.serial('past maxConcurrency runs wait, past maxQueue they are refused', async (t) => {
  const model = await slow(1, 2);
  const accepted = [model.run({ x }), model.run({ x }), model.run({ x })];
  t.like(model.stats(), { running: 1, queued: 2, refused: 0 });
  const error = await t.throwsAsync(model.run({ x }), { instanceOf: LanewiseError, code: 'ERR_BUSY' });
  t.regex(error.message, /^run: .*1 runs at once \(maxConcurrency\) and 2 waiting \(maxQueue\)/);
  await t.throwsAsync(model.profile({ x }), { code: 'ERR_BUSY', message: /^profile: / });
  t.notThrows(() => model.runSync({ x }), 'blocks, so it never waits');
  await Promise.all(accepted);
  t.deepEqual(countsOf(model.stats()), { queued: 0, running: 0, done: 4, failed: 0, aborted: 0, refused: 2 });
  await t.notThrowsAsync(model.run({ x }), 'accepts again');
});

test.serial('no queue at all', async (t) => {
  const model = await slow(2, 0);
  const accepted = [model.run({ x }), model.run({ x })];
  await t.throwsAsync(model.run({ x }), { code: 'ERR_BUSY' });
  await Promise.all(accepted);
});

test.serial('first come, first served, also between models', async (t) => {
  const [greedy, modest] = [await slow(1), await slow(1)];
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const all = [0, 1, 2, 3].map((i) => greedy.run({ x }).then(note(`greedy ${i}`)));
  all.push(modest.run({ x }).then(note('modest')));
  await Promise.all(all);
  t.deepEqual(
    order.filter((name) => name !== 'modest'),
    ['greedy 0', 'greedy 1', 'greedy 2', 'greedy 3'],
  );
  t.true(order.indexOf('modest') <= 2, `served in the order ${order.join(', ')}`);
});

test.serial('an aborted run leaves the queue at once', async (t) => {
  const model = await slow(1);
  const controller = new AbortController();
  const order: string[] = [];
  const first = model.run({ x }).then(() => order.push('first'));
  const waiting = model.run({ x }, { signal: controller.signal }).catch((error: Error) => order.push(error.message));
  const last = model.run({ x }).then(() => order.push('last'));
  controller.abort(new Error('gone'));
  t.like(model.stats(), { queued: 1, running: 1, aborted: 1 });
  await waiting;
  t.deepEqual(order, ['gone']);
  await Promise.all([first, last]);
  t.deepEqual(order, ['gone', 'first', 'last']);
  t.deepEqual(countsOf(model.stats()), { queued: 0, running: 0, done: 2, failed: 0, aborted: 1, refused: 0 });
});

test.serial('an aborted run rejects at once and keeps its place until it has stopped', async (t) => {
  const model = await slow(1);
  const controller = new AbortController();
  const running = model.run({ x }, { signal: controller.signal });
  await nextTurn();
  controller.abort();
  await t.throwsAsync(running, { any: true, name: 'AbortError' });
  const start = performance.now();
  while (model.stats().running > 0) await nextTurn();
  t.true(performance.now() - start < 2000);
  t.like(model.stats(), { aborted: 1, done: 0 });
});

test.serial('inputs are those of the call, however long it waits', async (t) => {
  const model = await slow(1);
  const own = slowInput(7);
  const expected = model.runSync({ x: own });
  const runs = [model.run({ x }), model.run({ x: own })];
  own.data.fill(Number.NaN);
  t.deepEqual((await Promise.all(runs))[1], expected);
});

test('new shapes: inputs are copied before compiling, and compiled once', async (t) => {
  const model = await loadSmall();
  const expected = (await loadSmall()).runSync({ x: image(5, 3) });
  const own = image(5, 3);
  const runs = Array.from({ length: 4 }, () => model.run({ x: own }));
  own.data.fill(Number.NaN);
  for (const results of await Promise.all(runs)) t.deepEqual(results, expected);
  t.is(Object.keys(model.memory().activationBytes).length, 1);
});

test('a run, a runSync and a report compile the same shape at the same time', async (t) => {
  const model = await loadSmall();
  const running = model.run({ x: image(2, 2) });
  const now = model.runSync({ x: image(2, 2) });
  model.report({ x: [2, 3, 8, 8] });
  t.deepEqual(await running, now);
});

test('what fails is counted', async (t) => {
  const model = await loadSmall();
  await t.throwsAsync(model.run({ x: image(1) }, { signal: AbortSignal.abort() }), { any: true, name: 'AbortError' });
  t.like(model.stats(), { aborted: 0, failed: 0 }, 'it never got as far as the queue');
  const wrong = Object.assign(image(1), { shape: [9, 3, 8, 8] });
  await t.throwsAsync(model.run({ x: wrong }), { instanceOf: RangeError });
  const strangers = Object.assign(image(1), { data: new Float32Array(256), shape: [1, 4, 8, 8] });
  await t.throwsAsync(model.run({ x: strangers }), { instanceOf: RangeError, message: /got \[1, 4, 8, 8\]/ });
  t.is(model.stats().failed, 1, 'compiling was refused');
  await model.run({ x: image(1) });
  const { done, runMs, waitMs } = model.stats();
  t.is(done, 1);
  t.true(runMs > 0 && waitMs >= 0);
});

test.serial('a disposed model finishes what it has accepted, then is free', async (t) => {
  const model = await slow(1);
  const expected = model.runSync({ x });
  const runs = [model.run({ x }), model.run({ x }), model.run({ x })];
  const freed = model[Symbol.asyncDispose]();
  await t.throwsAsync(model.run({ x }), { code: 'ERR_DISPOSED' });
  t.like(model.stats(), { running: 1, queued: 2 });
  await freed;
  t.like(model.stats(), { running: 0, queued: 0, done: 4 });
  t.deepEqual(await Promise.all(runs), [expected, expected, expected]);
});

test('a model disposed while it compiles for a run', async (t) => {
  const model = await loadSmall();
  const running = model.run({ x: image(1, 2) });
  model.dispose();
  t.deepEqual((await running)['y']!.shape, [2, 5, 8, 8]);
  await t.throwsAsync(model.run({ x: image(1, 2) }), { code: 'ERR_DISPOSED' });
});

test('loadModel: an abort before, during and after', async (t) => {
  const reason = new Error('not needed');
  t.is(await loadModel(fixedBytes, { signal: AbortSignal.abort(reason) }).catch((error: unknown) => error), reason);
  for (let turns = 0; turns < 12; turns++) {
    const controller = new AbortController();
    const loading = loadModel(fixedBytes, { signal: controller.signal });
    const outcome = loading.catch((error: unknown) => error);
    for (let i = 0; i < turns; i++) await nextTurn();
    controller.abort(reason);
    const result = await outcome;
    if (result === reason) continue;
    await t.notThrowsAsync((result as Model).run({ x: image(1, 2) }), 'loaded: the signal means nothing any more');
  }
  await t.throwsAsync(loadModel(fixedBytes, { signal: {} as AbortSignal }), {
    instanceOf: TypeError,
    message: /^loadModel: signal: expected an AbortSignal/,
  });
});

test('limits that are none', async (t) => {
  for (const maxConcurrency of [0, -1, 1.5, Number.NaN, '2', null] as number[])
    await t.throwsAsync(loadSmall({ maxConcurrency }), { instanceOf: RangeError, message: /maxConcurrency: expected/ });
  for (const maxQueue of [-1, 0.5, Number.POSITIVE_INFINITY, '2', null] as number[])
    await t.throwsAsync(loadSmall({ maxQueue }), { instanceOf: RangeError, message: /maxQueue: expected/ });
});

/** The stack of what a promise is rejected with, whoever awaits it. */
const stackOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing was wrong',
    (error: Error) => error.stack ?? '',
  );

test('errors show who called', async (t) => {
  const model = await loadSmall();
  function theCaller() {
    return stackOf(model.run({ x: Object.assign(image(1), { data: new Float32Array(256), shape: [1, 4, 8, 8] }) }));
  }
  function theLoader() {
    return stackOf(loadModel(fixedBytes.subarray(0, 100)));
  }
  function theOpener() {
    return stackOf(loadModel('/nowhere/nothing.onnx'));
  }
  for (const call of [theCaller, theLoader, theOpener]) t.regex(await call(), new RegExp(`at ${call.name} `));
});
