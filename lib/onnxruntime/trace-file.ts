/** The times of a session's runs, as a file that chrome://tracing and Perfetto show. */
import { writeFileSync } from 'node:fs';
import type { Profile } from '../profile.js';

type TraceEvent = ReturnType<Profile['toTrace']>['traceEvents'][number];

export class TraceFile {
  readonly #prefix: string;
  readonly #started = performance.now();
  readonly #events: TraceEvent[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** @param start when the run began, in milliseconds of `performance.now()` */
  add(profile: Profile, start: number): void {
    const offset = 1000 * (start - this.#started);
    for (const event of profile.toTrace().traceEvents) this.#events.push({ ...event, ts: event.ts + offset });
  }

  /** Writes `<prefix>_<time>.json`. */
  write(): void {
    const time = new Date().toISOString().replace('T', '_').replaceAll(/[:.]/g, '-').replace('Z', '');
    writeFileSync(`${this.#prefix}_${time}.json`, JSON.stringify({ traceEvents: this.#events }));
  }
}
