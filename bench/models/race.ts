/** Two engines in turns in one process, so that whatever happens to the machine happens to both. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Isa } from 'lanewise';
import { type Probed, probed } from '../report/peak.js';
import type { Engine } from './engines.js';

/** Mean milliseconds of a run in one turn of each engine. */
export interface Round {
  readonly ours: number;
  readonly rival: number;
}

export interface RaceOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly isa: Isa;
  onRound?(done: number, total: number): void;
}

/** A turn of a fast network is several runs, so that the clock is read seldom. */
const turnMs = 10;
const mostRuns = 10;

/** Slow networks get fewer rounds than asked for, but never fewer than this. */
const budgetMs = 30_000;
const fewestRounds = 10;

/** Worker threads of either engine go on spinning for a moment: the other one's turn begins when they have given up. */
const settleMs = 10;

/** Largest difference of any output, relative to the largest value of that output. */
export function largestDifference(
  ours: ReadonlyMap<string, Float32Array>,
  rival: ReadonlyMap<string, Float32Array>,
): number {
  let worst = 0;
  for (const [name, expected] of rival) {
    const actual = ours.get(name);
    if (actual?.length !== expected.length) return Number.NaN;
    let difference = 0;
    let largest = 0;
    for (const [i, value] of expected.entries()) {
      const distance = Math.abs((actual[i] ?? Number.NaN) - value);
      if (Number.isNaN(distance)) return Number.NaN;
      difference = Math.max(difference, distance);
      largest = Math.max(largest, Math.abs(value));
    }
    worst = Math.max(worst, difference / largest);
  }
  return worst;
}

export async function race(ours: Engine, rival: Engine, options: RaceOptions): Promise<Probed<Round>[]> {
  const { threads, isa } = options;
  const ourRuns = await runsPerTurn(ours);
  const rivalRuns = await runsPerTurn(rival);
  const total = Math.min(
    options.rounds,
    Math.max(fewestRounds, Math.floor(budgetMs / (ourRuns.turn + rivalRuns.turn))),
  );
  const turn = async (engine: Engine, runs: number) => {
    if (threads > 1) await sleep(settleMs);
    await engine.run(); // the other one's data is in the caches
    return timed(engine, runs);
  };
  const rounds: Probed<Round>[] = [];
  for (let round = 0; round < total; round++) {
    const measured = await probed(isa, async () => {
      if (round % 2 === 1) {
        const rivalMs = await turn(rival, rivalRuns.runs);
        return { ours: await turn(ours, ourRuns.runs), rival: rivalMs };
      }
      const oursMs = await turn(ours, ourRuns.runs);
      return { ours: oursMs, rival: await turn(rival, rivalRuns.runs) };
    });
    rounds.push(measured);
    options.onRound?.(round + 1, total);
  }
  return rounds;
}

async function timed(engine: Engine, runs: number): Promise<number> {
  const start = performance.now();
  for (let run = 0; run < runs; run++) await engine.run();
  return (performance.now() - start) / runs;
}

/** Also the first warm-up. `turn` is what a turn will take in all. */
async function runsPerTurn(engine: Engine): Promise<{ readonly runs: number; readonly turn: number }> {
  await engine.run();
  const ms = await timed(engine, 1);
  const runs = Math.min(mostRuns, Math.max(1, Math.round(turnMs / ms)));
  return { runs, turn: (runs + 1) * ms };
}
