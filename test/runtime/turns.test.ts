/** Long computations in short turns, with the event loop in between. `npm run bench -- runtime` says how short. */
import test from 'ava';
import { finish, inTurns, type Work } from '#lib/work.js';
import { image, loadSmall } from '../models/small-models.js';

function* counting(steps: number, log: string[] = [], name = ''): Work<number> {
  for (let i = 0; i < steps; i++) {
    log.push(`${name}${i}`);
    yield;
  }
  return steps;
}

/** Keeps the thread for a while between two yields. */
function* slow(steps: number, log: string[], name: string): Work<void> {
  for (let i = 0; i < steps; i++) {
    const end = performance.now() + 3;
    while (performance.now() < end);
    log.push(`${name}${i}`);
    yield;
  }
}

test('the same result at once and in turns', async (t) => {
  t.is(finish(counting(1000)), 1000);
  t.is(await inTurns(counting(1000)), 1000);
});

test('one turn per iteration of the loop, whoever it is for', async (t) => {
  const log: string[] = [];
  let iterations = 0;
  let timer = setImmediate(function count() {
    iterations++;
    timer = setImmediate(count);
  });
  await Promise.all([inTurns(slow(4, log, 'a')), inTurns(slow(4, log, 'b'))]);
  clearImmediate(timer);
  t.deepEqual(log, ['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  t.true(iterations >= 8, `${iterations} iterations for 8 turns`);
});

test('errors and aborts end it', async (t) => {
  const failing = function* (): Work<void> {
    yield;
    throw new RangeError('no');
  };
  await t.throwsAsync(inTurns(failing()), { instanceOf: RangeError, message: 'no' });
  const controller = new AbortController();
  const log: string[] = [];
  const turns = inTurns(slow(1000, log, ''), controller.signal);
  setTimeout(() => controller.abort(new Error('enough')), 5);
  await t.throwsAsync(turns, { message: 'enough' });
  t.true(log.length < 1000);
});

test.serial('timers fire while a model is loaded, and while it compiles for new shapes', async (t) => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  const model = await loadSmall();
  const loaded = ticks;
  t.true(loaded > 0);
  await model.run({ x: image(1, 5) });
  clearInterval(timer);
  t.true(ticks > loaded);
});
