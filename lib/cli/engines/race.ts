/** Engines in turns in one process, so that whatever happens to the machine happens to all of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Progress } from '../terminal/progress.js';
import type { Feeds } from '../values/feeds.js';
import type { Engine } from './engine.js';

export interface Latency {
  readonly engine: string;
  readonly runs: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly min: number;
  readonly mean: number;
  /** Runs per second, one after the other. */
  readonly throughput: number;
}

export interface RaceOptions {
  readonly warmup: number;
  /** Runs of each engine; undefined: as many as fit into `seconds`, but a few at least. */
  readonly runs?: number;
  readonly seconds: number;
}

/** Threads of an engine go on spinning for a moment: the other one's turn begins when they have given up. */
const settleMs = 10;
/** A turn of a fast network is several runs, so that engines do not only meet cold caches. */
const turnMs = 20;
const fewestRuns = 10;
const mostRuns = 10_000;

/** Interpolated between neighbours; `sorted` upwards, `q` from 0 to 1. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

function latency(engine: string, times: readonly number[]): Latency {
  const sorted = Float64Array.from(times).sort();
  const mean = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((q) => quantile(sorted, q)) as [number, number, number];
  return { engine, runs: sorted.length, p50, p90, p99, min: sorted[0]!, mean, throughput: 1000 / mean };
}

async function timed(engine: Engine, feeds: Feeds): Promise<number> {
  const begun = performance.now();
  await engine.run(feeds);
  return performance.now() - begun;
}

export async function race(engines: readonly Engine[], feeds: Feeds, options: RaceOptions): Promise<Latency[]> {
  let slowest = 0;
  for (const engine of engines) {
    await engine.run(feeds); // compiles
    for (let i = 1; i < options.warmup; i++) await engine.run(feeds);
    slowest = Math.max(slowest, await timed(engine, feeds));
  }
  const perTurn = Math.max(1, Math.round(turnMs / slowest));
  const times = engines.map((): number[] => []);
  const progress = new Progress('measuring');
  const begun = performance.now();
  /** 1 when there is enough. */
  const share = (done: number): number => {
    if (options.runs !== undefined) return done / options.runs;
    const elapsed = (performance.now() - begun) / 1000 / options.seconds;
    return Math.max(Math.min(elapsed, done / fewestRuns), done / mostRuns);
  };
  for (let done = 0; share(done) < 1; ) {
    const runs = Math.min(perTurn, (options.runs ?? mostRuns) - done);
    for (const [i, engine] of engines.entries()) {
      if (engines.length > 1) {
        await sleep(settleMs);
        await engine.run(feeds); // the other one's data is in the caches
      }
      for (let run = 0; run < runs; run++) times[i]!.push(await timed(engine, feeds));
    }
    done += runs;
    await progress.at(share(done));
  }
  progress.end();
  return engines.map(({ name }, i) => latency(name, times[i]!));
}
