/** A bar on stderr while a bench runs; on a terminal only. */
import { Presets, SingleBar } from 'cli-progress';

/** Redrawn seldom: whoever draws takes time from what is measured. */
const framesPerSecond = 2;

export class Progress {
  readonly #bar = new SingleBar(
    {
      format: '{bar} {percentage} % | {eta_formatted} | {what}',
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      fps: framesPerSecond,
      etaBuffer: 100,
    },
    Presets.shades_classic,
  );
  readonly #shown = process.stderr.isTTY === true;
  #begun = false;

  /** `done` from 0 to 1. Call between two measurements. */
  at(done: number, what: string): void {
    if (!this.#shown) return;
    if (!this.#begun) this.#bar.start(1, 0, { what });
    this.#begun = true;
    this.#bar.update(done, { what });
  }

  end(): void {
    if (this.#begun) this.#bar.stop();
  }
}

/** Progress of one of several things that are measured one after the other. */
export interface PartProgress {
  at(done: number, what: string): void;
}

/** Runs `measure` on each of `items`, with a bar that counts them all. */
export async function eachWithProgress<T, R>(
  items: readonly T[],
  measure: (item: T, part: PartProgress) => Promise<R>,
): Promise<R[]> {
  const progress = new Progress();
  const results: R[] = [];
  try {
    for (const [i, item] of items.entries())
      results.push(await measure(item, { at: (done, what) => progress.at((i + done) / items.length, what) }));
  } finally {
    progress.end();
  }
  return results;
}
