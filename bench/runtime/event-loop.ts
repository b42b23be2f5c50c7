/** How late the event loop is while something else happens. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const resolution = 1;

/** Lateness of a timer of one millisecond while `work` is under way. */
export async function loopDelayDuring(work: () => Promise<unknown>): Promise<LoopDelay> {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  await delay(20);
  histogram.reset(); // starting the timer is no delay
  await work();
  histogram.disable();
  // The histogram holds intervals between two firings of the timer: its period comes off.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  return { p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) };
}
