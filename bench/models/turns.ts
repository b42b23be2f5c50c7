/** What an engine does in its part of a round: what is in the caches when the clock starts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { evictCaches } from '../report/memory.js';
import type { Engine } from './engines.js';

export interface Turn {
  /** About how long it takes. */
  readonly ms: number;
  /** How many it runs. */
  readonly networks: number;
  /** Mean milliseconds of a run, network by network. */
  take(): Promise<readonly number[]>;
}

/** A turn of a fast network is several runs, so that the clock is read seldom. */
const turnMs = 10;
const mostRuns = 10;

/** Each run has an eviction before it, which costs more than the run of a fast network. */
const mostColdRuns = 3;

/** Worker threads of either engine go on spinning for a moment: what follows begins when they have given up. */
const settleMs = 60;

/** Cores that were idle meanwhile need a moment to come back to their clock. */
const wakeMs = 10;

/** Until no thread of the engine that ran before can be in the way, and the cores are awake; with one thread each there is none. */
export async function settle(threads: number, run: () => unknown): Promise<void> {
  if (threads === 1) return;
  await sleep(settleMs);
  const start = performance.now();
  while (performance.now() - start < wakeMs) await run();
}

async function timed(engine: Engine): Promise<number> {
  const start = performance.now();
  await engine.run();
  return performance.now() - start;
}

/** Milliseconds of the second run: the first one may compile. */
async function warmedUp(engine: Engine): Promise<number> {
  await engine.run();
  return timed(engine);
}

const runsWithin = (ms: number, most: number): number => Math.min(most, Math.max(1, Math.round(turnMs / ms)));

/** The same network over and over: its weights are where the caches have room for them. */
export async function warmTurn(engine: Engine, threads: number): Promise<Turn> {
  const ms = await warmedUp(engine);
  const runs = runsWithin(ms, mostRuns);
  return {
    ms: (runs + 1) * ms,
    networks: 1,
    async take() {
      await settle(threads, () => engine.run());
      await engine.run(); // the other one's data is in the caches
      const start = performance.now();
      for (let run = 0; run < runs; run++) await engine.run();
      return [(performance.now() - start) / runs];
    },
  };
}

/** Before each run everything is taken out of the caches: a network that is asked now and then. */
export async function coldTurn(engine: Engine): Promise<Turn> {
  const ms = await warmedUp(engine);
  const runs = runsWithin(ms, mostColdRuns);
  return {
    ms: runs * (ms + 2 * settleMs),
    networks: 1,
    async take() {
      let total = 0;
      for (let run = 0; run < runs; run++) {
        evictCaches();
        await sleep(settleMs);
        total += await timed(engine);
      }
      return [total / runs];
    },
  };
}

/**
 * Several networks one after the other, each once: a server of many models. Each finds the caches full of the others, and
 * of the same engine: a first lap is not timed.
 */
export async function mixedTurn(engines: readonly Engine[], threads: number): Promise<Turn> {
  let lapMs = 0;
  for (const engine of engines) lapMs += await warmedUp(engine);
  return {
    ms: 2 * lapMs,
    networks: engines.length,
    async take() {
      const lap = async () => {
        for (const engine of engines) await engine.run();
      };
      await settle(threads, lap);
      await lap();
      const times: number[] = [];
      for (const engine of engines) times.push(await timed(engine));
      return times;
    },
  };
}
