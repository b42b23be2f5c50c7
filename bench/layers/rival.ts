/** The layers of a chain as onnxruntime times them itself: by its profiler, in the layout of its own kernels. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { isMeasured, occurrences } from './chains.js';

export interface RivalChain {
  run(): Promise<void>;
  /** How many there have been. */
  runs(): number;
  /** Ends the session: milliseconds of each occurrence of the layer, run by run. Microseconds are as fine as it tells. */
  finish(): Promise<number[][]>;
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
}

/** Optimised nodes have other names than the model's, but these begin alike. */
const kernelTime = '_kernel_time';

/** @param text a profile of onnxruntime: trace events in the order of time */
export function timesOfRuns(text: string): number[][] {
  const times = (JSON.parse(text) as ProfileEvent[])
    .filter(({ cat, name }) => cat === 'Node' && isMeasured(name) && name.endsWith(kernelTime))
    .map(({ dur }) => dur / 1000);
  return Array.from({ length: times.length / occurrences }, (_, run) =>
    times.slice(run * occurrences, (run + 1) * occurrences),
  );
}

export async function openRivalChain(
  onnx: Uint8Array,
  feeds: Readonly<Record<string, ort.Tensor>>,
  threads: number,
): Promise<RivalChain> {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-bench-'));
  const session = await ort.InferenceSession.create(onnx, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'profile'),
  });
  let runs = 0;
  return {
    async run() {
      await session.run(feeds);
      runs++;
    },
    runs: () => runs,
    async finish() {
      try {
        session.endProfiling();
        await session.release();
        const [file = ''] = readdirSync(folder);
        return timesOfRuns(readFileSync(join(folder, file), 'utf8'));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
