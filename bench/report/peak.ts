/**
 * Clocks wander and neighbours interfere: every measurement is seen against what the core and the memory could do around
 * it.
 */
import type { Isa } from 'lanewise';
import { native } from '#lib/native.js';
import { sweepMemory } from './memory.js';

const probeMs = 20;

/** A probe that moves more than this during a round says that the round was disturbed. */
const tolerance = 0.05;

export interface Probed<R> {
  readonly result: R;
  /** GFLOP/s of one core: the mean of before and after. */
  readonly peak: number;
  /** The clock at which the core reached it, in the units of `native.clock()`. */
  readonly clock: number;
  /** GB/s of all threads together: the mean of before and after, see `sweepMemory`. */
  readonly bandwidth: number;
  readonly steady: boolean;
}

export interface ProbeOptions {
  readonly isa: Isa;
  readonly threads: number;
}

/** The sweeps stand outside: the clock of the peak is the one next to the measurement, and threads have settled by then. */
export async function probed<R>({ isa, threads }: ProbeOptions, body: () => Promise<R>): Promise<Probed<R>> {
  const bandwidthBefore = sweepMemory(threads);
  const [before, clockBefore] = [native.fmaPeak(probeMs, isa), native.clock()];
  const result = await body();
  const [after, clockAfter] = [native.fmaPeak(probeMs, isa), native.clock()];
  return {
    result,
    peak: (before + after) / 2,
    clock: (clockBefore + clockAfter) / 2,
    bandwidth: (bandwidthBefore + sweepMemory(threads)) / 2,
    steady: Math.abs(after - before) <= tolerance * Math.max(before, after),
  };
}

/** The undisturbed rounds; all of them when fewer than half are. */
export function steadyRounds<R>(rounds: readonly Probed<R>[]): {
  readonly kept: readonly Probed<R>[];
  readonly noisy: boolean;
} {
  const steady = rounds.filter((round) => round.steady);
  const noisy = 2 * steady.length < rounds.length;
  return { kept: noisy ? rounds : steady, noisy };
}
