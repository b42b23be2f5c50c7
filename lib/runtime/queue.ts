/** The runs of one model: some under way, some waiting, no more than it was told to take. */
import { LanewiseError } from '../errors.js';
import { type NativeStopToken, native } from '../native.js';
import { callNative } from '../native-error.js';

export interface QueueLimits {
  /** Runs under way at once. */
  readonly maxConcurrency: number;
  /** Runs that wait for one of those to end. */
  readonly maxQueue: number;
}

/** What a model is doing, and what it did since it was loaded. Totals only grow: take differences for rates and means. */
export interface ModelStats {
  /** Runs that wait for their turn. */
  readonly queued: number;
  /** Runs under way. One that was aborted counts until its threads are free, a few milliseconds. */
  readonly running: number;
  readonly done: number;
  readonly failed: number;
  readonly aborted: number;
  /** Runs turned away with ERR_BUSY. */
  readonly refused: number;
  /** Milliseconds that runs waited before they began, all together. */
  readonly waitMs: number;
  /** Milliseconds that runs were under way, all together; compiling for new shapes is part of it. */
  readonly runMs: number;
}

type Outcome = 'done' | 'failed' | 'aborted';

/** First come, first served. */
export class RunQueue {
  readonly #limits: QueueLimits;
  readonly #totals = { done: 0, failed: 0, aborted: 0, refused: 0, waitMs: 0, runMs: 0 };
  readonly #waiting = new Set<() => void>();
  readonly #idleCallbacks: (() => void)[] = [];
  #running = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Whether a run would begin at once. */
  get isFree(): boolean {
    return this.#running < this.#limits.maxConcurrency;
  }

  stats(): ModelStats {
    return { queued: this.#waiting.size, running: this.#running, ...this.#totals };
  }

  /** Calls back when nothing runs or waits any more: now, if that is so. */
  whenIdle(callback: () => void): void {
    this.#idleCallbacks.push(callback);
    this.#checkIdle();
  }

  /**
   * Calls `start` when its turn has come; at once, before this returns, when it need not wait. An abort rejects with the
   * signal's reason there and then: a run that waits leaves the queue, one under way keeps its place until it has stopped.
   * @throws LanewiseError ERR_BUSY when the queue is full
   */
  run<R>(where: string, start: (stop?: NativeStopToken) => Promise<R>, signal?: AbortSignal): Promise<R> {
    const { maxConcurrency, maxQueue } = this.#limits;
    if (!this.isFree && this.#waiting.size >= maxQueue) {
      this.#totals.refused++;
      throw new LanewiseError(
        'ERR_BUSY',
        `${where}: the model is busy: expected at most ${maxConcurrency} runs at once (maxConcurrency) and ${maxQueue} waiting (maxQueue)`,
      );
    }
    const arrival = performance.now();
    return new Promise<R>((resolve, reject) => {
      const stop = signal && callNative(where, () => new native.StopToken());
      let settled = false;
      const settle = (outcome: Outcome, tell: () => void) => {
        if (settled) return;
        settled = true;
        signal?.removeEventListener('abort', abort);
        this.#totals[outcome]++;
        tell();
      };
      const begin = () => {
        const beginning = performance.now();
        this.#totals.waitMs += beginning - arrival;
        this.#running++;
        const end = () => {
          this.#totals.runMs += performance.now() - beginning;
          this.#running--;
          this.#advance();
        };
        start(stop).then(
          (result) => {
            end();
            settle('done', () => resolve(result));
          },
          (error: unknown) => {
            end();
            settle('failed', () => reject(error));
          },
        );
      };
      const abort = () => {
        stop?.stop();
        this.#waiting.delete(begin);
        settle('aborted', () => reject(signal?.reason));
        this.#checkIdle();
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (this.isFree) begin();
      else this.#waiting.add(begin);
    });
  }

  /** A run that begins now, which takes a queue that is free, and that nobody can abort. */
  async runNow<R>(start: () => Promise<R>): Promise<R> {
    const beginning = performance.now();
    let outcome: Outcome = 'failed';
    this.#running++;
    try {
      const result = await start();
      outcome = 'done';
      return result;
    } finally {
      this.#totals[outcome]++;
      this.#totals.runMs += performance.now() - beginning;
      this.#running--;
      this.#advance();
    }
  }

  /** A run on this thread, which nothing can keep waiting. */
  runSync<R>(start: () => R): R {
    const beginning = performance.now();
    let outcome: Outcome = 'failed';
    try {
      const result = start();
      outcome = 'done';
      return result;
    } finally {
      this.#totals[outcome]++;
      this.#totals.runMs += performance.now() - beginning;
    }
  }

  #advance(): void {
    for (const begin of this.#waiting) {
      if (!this.isFree) break;
      this.#waiting.delete(begin);
      begin();
    }
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#running > 0 || this.#waiting.size > 0) return;
    for (const callback of this.#idleCallbacks.splice(0)) callback();
  }
}
