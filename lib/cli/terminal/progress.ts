/** A bar on stderr for whatever takes more than a second; on a terminal only. */
import type { SingleBar } from 'cli-progress';

const patienceMs = 1000;

export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #begun = performance.now();
  #bar: SingleBar | undefined;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  /** Call between two pieces of work, never inside what is being timed. */
  async at(done: number): Promise<void> {
    if (!process.stderr.isTTY) return;
    if (!this.#bar && performance.now() - this.#begun > patienceMs) {
      const { default: progress } = await import('cli-progress');
      const format = `${this.#what} {bar} {value}/{total}, {eta_formatted} left`;
      this.#bar = new progress.SingleBar(
        { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
        progress.Presets.shades_classic,
      );
      this.#bar.start(this.#total, done);
    }
    this.#bar?.update(done);
  }

  end(): void {
    this.#bar?.stop();
  }
}
