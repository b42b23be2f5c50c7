/** Where a run spends its time, step by step. */
import type { NativeStep } from './native.js';

/** One step of the plan. */
export interface ProfileStep {
  /** The node of the model it came from. */
  readonly name: string;
  readonly op: string;
  /** What ran, e.g. `tile 14x2` (pixels x vectors) or `reorder nchw>blocked`. */
  readonly kernel: string;
  readonly ms: number;
  /** Share of the whole run, 0 to 1. */
  readonly share: number;
  /** Multiply-accumulates. */
  readonly macs: number;
  readonly gflops: number;
  /** Bytes of tensors and weights that must be read or written at least once. */
  readonly bytes: number;
  /** Units of work that threads share. */
  readonly items: number;
  /** The most threads that share them: steps of a few microseconds are done by one. */
  readonly threads: number;
  /**
   * The clock of the calling thread's core behind this step, in a unit that means something only beside another clock:
   * processors slow down under dense vector code. Only `profileSync` tells.
   */
  readonly clock?: number;
}

const columns: readonly { title: string; right: boolean; cell: (step: ProfileStep) => string }[] = [
  { title: 'layer', right: false, cell: (s) => s.name },
  { title: 'operator', right: false, cell: (s) => s.op },
  { title: 'kernel', right: false, cell: (s) => s.kernel },
  { title: 'ms', right: true, cell: (s) => s.ms.toFixed(3) },
  { title: 'share', right: true, cell: (s) => `${(100 * s.share).toFixed(1)} %` },
  { title: 'MMAC', right: true, cell: (s) => (s.macs === 0 ? '' : (s.macs / 1e6).toFixed(2)) },
  { title: 'GFLOP/s', right: true, cell: (s) => (s.macs === 0 ? '' : s.gflops.toFixed(1)) },
  { title: 'KB', right: true, cell: (s) => (s.bytes / 1024).toFixed(0) },
];

/** The profile of one run; prints itself as a table. */
export class Profile {
  readonly steps: readonly ProfileStep[];
  readonly totalMs: number;

  constructor(steps: readonly NativeStep[], stepMs: Float64Array, clocks?: Float64Array) {
    const total = stepMs.reduce((sum, ms) => sum + ms, 0);
    this.totalMs = total;
    this.steps = steps.map(({ name, op, kernel, macs, bytes, items, threads }, i) => {
      const ms = stepMs[i] ?? 0;
      return {
        name,
        op,
        kernel,
        ms,
        share: total > 0 ? ms / total : 0,
        macs,
        gflops: ms > 0 ? (2e-6 * macs) / ms : 0,
        bytes,
        items,
        threads,
        ...(clocks && { clock: clocks[i] ?? 0 }),
      };
    });
  }

  toString(): string {
    const rows = this.steps.map((step) => columns.map(({ cell }) => cell(step)));
    const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
    const line = (cells: readonly string[]) =>
      columns
        .map(({ right }, i) =>
          right ? (cells[i] ?? '').padStart(widths[i] ?? 0) : (cells[i] ?? '').padEnd(widths[i] ?? 0),
        )
        .join('  ');
    const body = [columns.map(({ title }) => title), widths.map((width) => '-'.repeat(width)), ...rows].map(line);
    return [...body, `${this.steps.length} steps, ${this.totalMs.toFixed(3)} ms`].join('\n');
  }

  /** Trace events that chrome://tracing and Perfetto show as a timeline. */
  toTrace(): {
    traceEvents: { name: string; cat: string; ph: 'X'; ts: number; dur: number; pid: 1; tid: 1; args: object }[];
  } {
    let ts = 0;
    const traceEvents = this.steps.map(({ name, op, kernel, ms, macs, gflops, bytes }) => {
      const event = {
        name: name || op,
        cat: op,
        ph: 'X',
        ts,
        dur: 1000 * ms,
        pid: 1,
        tid: 1,
        args: { kernel, macs, gflops, bytes },
      } as const;
      ts += event.dur;
      return event;
    });
    return { traceEvents };
  }
}
