/** Long computations in short turns: no step of loading a large network keeps the event loop. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { compiling, simplifying } from '#lib/graph/compile.js';
import { native } from '#lib/native.js';
import { reading } from '#lib/onnx/read.js';
import { finish, inTurns, type Work } from '#lib/work.js';
import { type ZooName, zooModel } from '../../bench/zoo/index.js';
import { quick } from '../models/comparison.js';
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

/** Adds the longest steps of some work to `longest`, keeping the shortest time each has taken. */
function timed<R>(work: Work<R>, longest: number[]): R {
  for (let i = 0; ; i++) {
    const start = performance.now();
    const { done, value } = work.next();
    longest[i] = Math.min(longest[i] ?? Number.POSITIVE_INFINITY, performance.now() - start);
    if (done) return value;
  }
}

// Each step is taken several times and the shortest counts: a loaded machine interrupts at random, a long step is always long.
// Compared with all of loading, not with a clock: a slow machine is slow everywhere.
(quick ? test.skip : test.serial)('no step of loading takes long', (t) => {
  t.timeout(240_000);
  const networks: readonly ZooName[] = ['resnet-50', 'repvgg-a0'];
  for (const name of networks) {
    const bytes = readFileSync(zooModel(name));
    const times: Record<'read' | 'simplify' | 'compile', number[]> = { read: [], simplify: [], compile: [] };
    for (let round = 0; round < 5; round++) {
      const graph = timed(reading(bytes), times.read);
      const simplified = timed(simplifying(graph, { fold: native }), times.simplify);
      timed(compiling(simplified.graph, {}, { fold: native }), times.compile);
    }
    const total = Object.values(times)
      .flat()
      .reduce((sum, ms) => sum + ms, 0);
    for (const [stage, steps] of Object.entries(times)) {
      const longest = Math.max(...steps);
      const text = `${name}: ${stage}: the longest of ${steps.length} steps, ${steps.indexOf(longest)}, takes ${longest.toFixed(2)} of ${total.toFixed(1)} ms`;
      t.log(text);
      t.true(longest < 0.25 * total, text);
    }
  }
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
