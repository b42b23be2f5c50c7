/** Who runs when; how long it takes is nobody's business here. */
import test from 'ava';
import type { Engine } from '../../bench/models/engines.js';
import { race } from '../../bench/models/race.js';
import { coldTurn, mixedTurn, type Turn, warmTurn } from '../../bench/models/turns.js';
import { lastCacheBytes, sweepMemory, sweptBytes } from '../../bench/report/memory.js';
import { usualThreadCounts } from '../../bench/scaling/threads.js';

const options = { isa: 'scalar', threads: 1 } as const;

test('engines take turns in being first, and every network gets its rounds', async (t) => {
  const order: string[] = [];
  const turn = (name: string, times: readonly number[], ms = 1): Turn => ({
    ms,
    networks: times.length,
    async take() {
      order.push(name);
      return times;
    },
  });
  const seen: [number, number][] = [];
  const onRound = (done: number, total: number) => seen.push([done, total]);
  const all = await race(turn('ours', [1, 2]), turn('rival', [3, 4]), { ...options, rounds: 2, onRound });
  t.deepEqual(order, ['ours', 'rival', 'rival', 'ours']);
  t.deepEqual(
    all.map((rounds) => rounds.map(({ result }) => result)),
    [
      [
        { ours: 1, rival: 3 },
        { ours: 1, rival: 3 },
      ],
      [
        { ours: 2, rival: 4 },
        { ours: 2, rival: 4 },
      ],
    ],
  );
  for (const { peak, bandwidth } of all.flat()) t.true(peak > 0 && bandwidth > 0);
  t.deepEqual(seen, [
    [1, 2],
    [2, 2],
  ]);
});

function counted(log: string[], name: string): Engine {
  return {
    async run() {
      log.push(name);
      return new Map();
    },
    release: () => Promise.resolve(),
  };
}

test('a warm turn repeats a network, a mixed one goes round, a cold one gives one time', async (t) => {
  const log: string[] = [];
  const warm = await warmTurn(counted(log, 'a'), 1);
  log.length = 0;
  t.is((await warm.take()).length, 1);
  t.deepEqual(new Set(log), new Set(['a']));
  t.true(log.length > 1);

  const mixed = await mixedTurn([counted(log, 'a'), counted(log, 'b')], 1);
  log.length = 0;
  t.is((await mixed.take()).length, 2);
  t.deepEqual(log, ['a', 'b', 'a', 'b']);

  const cold = await coldTurn(counted(log, 'a'));
  const [ms = Number.NaN] = await cold.take();
  t.true(ms >= 0);
});

test('a sweep is at least three times the last cache', (t) => {
  t.true(lastCacheBytes() > 0);
  t.true(sweptBytes() >= 3 * lastCacheBytes());
  t.true(sweepMemory(1) > 0);
});

test('every number of threads up to eight, then powers of two and the last', (t) => {
  t.deepEqual(usualThreadCounts(1), [1]);
  t.deepEqual(usualThreadCounts(3), [1, 2, 3]);
  t.deepEqual(usualThreadCounts(20), [1, 2, 3, 4, 5, 6, 7, 8, 16, 20]);
});
