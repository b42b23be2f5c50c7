/** A bar on stderr for whatever takes more than a second; on a terminal only. */
import type { SingleBar } from 'cli-progress';

const patienceMs = 1000;

export class Progress {
  readonly #what: string;
  readonly #begun = performance.now();
  #bar: SingleBar | undefined;

  constructor(what: string) {
    this.#what = what;
  }

  /** `done` from 0 to 1. Call between two pieces of work, never inside what is being timed. */
  async at(done: number): Promise<void> {
    if (!process.stderr.isTTY) return;
    if (!this.#bar && performance.now() - this.#begun > patienceMs) {
      const { default: progress } = await import('cli-progress');
      this.#bar = new progress.SingleBar(
        {
          format: `${this.#what} {bar} {percentage} %`,
          stream: process.stderr,
          clearOnComplete: true,
          hideCursor: true,
        },
        progress.Presets.shades_classic,
      );
      this.#bar.start(100, 0);
    }
    this.#bar?.update(Math.min(100, Math.round(100 * done)));
  }

  end(): void {
    this.#bar?.stop();
  }
}
