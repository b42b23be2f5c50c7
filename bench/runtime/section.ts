/** The results of `bench runtime` for people. */
import { type Origin, originText, threadsText } from '../report/machine.js';
import type { Section } from '../report/section.js';
import { type Column, milliseconds, tableOf } from '../report/table.js';

export interface RuntimeResult {
  readonly network: string;
  readonly what: string;
  readonly p99: number;
  readonly max: number;
}

export interface RuntimeDocument extends Origin {
  readonly kind: 'runtime';
  readonly threads: number;
  readonly results: readonly RuntimeResult[];
}

const columns: readonly Column<RuntimeResult>[] = [
  { title: 'network', align: 'left', cell: (r) => r.network },
  { title: 'milliseconds', align: 'left', cell: (r) => r.what },
  { title: 'p99', cell: (r) => milliseconds(r.p99) },
  { title: 'max', cell: (r) => milliseconds(r.max) },
];

export const runtimeSection = (document: RuntimeDocument): Section => ({
  title: `Event loop and aborts, ${threadsText(document.threads)}`,
  origin: originText(document, threadsText(document.threads), false),
  table: tableOf(columns, document.results),
  notes: [],
  figures: [],
});
