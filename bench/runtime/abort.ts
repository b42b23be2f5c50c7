/** How long after an abort its run is over. */
import { setTimeout as delay, setImmediate as nextIteration } from 'node:timers/promises';
import type { Feeds, Model } from 'lanewise';

export interface AbortLatency {
  /** From `abort()` to the rejection. */
  readonly rejectedMs: number;
  /** From `abort()` until no thread works for the run any more. */
  readonly stoppedMs: number;
}

/** Aborts a run `afterMs` after its start; undefined when it was done by then. */
export async function abortLatency(model: Model, feeds: Feeds, afterMs: number): Promise<AbortLatency | undefined> {
  const controller = new AbortController();
  const outcome = model.run(feeds, { signal: controller.signal }).then(
    () => undefined,
    () => performance.now(),
  );
  await delay(afterMs);
  const start = performance.now();
  controller.abort();
  const rejected = await outcome;
  while (model.stats().running > 0) await nextIteration();
  return rejected === undefined ? undefined : { rejectedMs: rejected - start, stoppedMs: performance.now() - start };
}
