/** Memory as the cores see it when no cache helps: how fast it moves, and a way to have the caches hold nothing of use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuInfo } from 'lanewise';
import { type NativePlan, native } from '#lib/native.js';

/** As large as any third cache that one core can fill, where nobody says how large it is. */
const usualCacheBytes = 2 ** 25;

/** What is swept, over the last cache: at least three times, so that nothing older can be left in it. */
const cachesSwept = 4;

const sysfsCaches = '/sys/devices/system/cpu/cpu0/cache';

/** Bytes of the last cache that one core can fill. Linux knows that; processors may tell the sum of the package instead. */
export function lastCacheBytes(): number {
  const { l2Bytes, l3Bytes } = cpuInfo().caches;
  return Math.max(0, ...sysfsSizes()) || l3Bytes || l2Bytes || usualCacheBytes;
}

function sysfsSizes(): number[] {
  try {
    return readdirSync(sysfsCaches)
      .filter((name) => name.startsWith('index'))
      .map((name) => 1024 * Number.parseInt(readFileSync(join(sysfsCaches, name, 'size'), 'utf8'), 10));
  } catch {
    return [];
  }
}

interface Sweep {
  readonly plan: NativePlan;
  readonly from: Float32Array;
  readonly to: Float32Array;
}

let sweep: Sweep | undefined;

function prepare(): Sweep {
  const rowBytes = 4096;
  const rows = Math.ceil((cachesSwept * lastCacheBytes()) / 2 / rowBytes);
  const shape = [1, 1, rows, rowBytes / Float32Array.BYTES_PER_ELEMENT];
  const plan = new native.Plan({
    values: ['x', 'y'].map((name) => ({ name, shape })),
    inputs: [{ value: 0, layout: 'nchw' }],
    outputs: [{ value: 1, layout: 'nchw' }],
    steps: [{ op: 'unary', name: 'sweep', fn: 'neg', alpha: 0, beta: 0, inputs: [0], outputs: [1] }],
  });
  const elements = (rows * rowBytes) / Float32Array.BYTES_PER_ELEMENT;
  // Filled: a page that nobody wrote to is the one page of zeros, which stays in the cache.
  return { plan, from: new Float32Array(elements).fill(1), to: new Float32Array(elements).fill(1) };
}

/** How much a sweep reads and writes. */
export const sweptBytes = (): number => cachesSwept * lastCacheBytes();

/**
 * Reads half of a memory that is four times the last cache and writes its negative to the other half, on `threads`
 * threads, each of which passes more through its own caches than fits into them.
 *
 * @returns GB/s, of bytes read plus bytes written; that written lines are read first is not counted
 */
export function sweepMemory(threads: number): number {
  sweep ??= prepare();
  const start = performance.now();
  sweep.plan.runSync([sweep.from], [sweep.to], threads);
  return (sweep.from.byteLength + sweep.to.byteLength) / (performance.now() - start) / 1e6;
}

/** Takes whatever networks have left there out of the caches of all processors. */
export function evictCaches(): void {
  sweepMemory(cpuInfo().threads);
}
