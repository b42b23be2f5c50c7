/** Two engines in turns in one process, so that whatever happens to the machine happens to both. */
import { type Probed, type ProbeOptions, probed } from '../report/peak.js';
import type { Turn } from './turns.js';

/** Mean milliseconds of a run of one network in one turn of each engine. */
export interface Round {
  readonly ours: number;
  readonly rival: number;
}

export interface RaceOptions extends ProbeOptions {
  readonly rounds: number;
  onRound?(done: number, total: number): void;
}

/** For each network; slow ones get fewer rounds than asked for, but never fewer than this. */
const budgetMs = 30_000;
const fewestRounds = 10;

/** For each network of the turns, what every round gave. */
export async function race(ours: Turn, rival: Turn, options: RaceOptions): Promise<Probed<Round>[][]> {
  const affordable = Math.max(fewestRounds, Math.floor((budgetMs * ours.networks) / (ours.ms + rival.ms)));
  const total = Math.min(options.rounds, affordable);
  const networks: Probed<Round>[][] = [];
  for (let round = 0; round < total; round++) {
    const { result, ...probes } = await probed(options, async () => {
      if (round % 2 === 0) {
        const oursMs = await ours.take();
        return { ours: oursMs, rival: await rival.take() };
      }
      const rivalMs = await rival.take();
      return { ours: await ours.take(), rival: rivalMs };
    });
    for (const [i, ms] of result.ours.entries()) {
      networks[i] ??= [];
      networks[i].push({ ...probes, result: { ours: ms, rival: result.rival[i] ?? Number.NaN } });
    }
    options.onRound?.(round + 1, total);
  }
  return networks;
}
