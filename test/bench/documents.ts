/** Documents as benches write them, with figures that are easy to check. */
import type { LayersDocument } from '../../bench/layers/section.js';
import { networkResult, type RaceDocument } from '../../bench/models/result.js';
import type { Origin } from '../../bench/report/machine.js';
import type { Probed } from '../../bench/report/peak.js';
import { type ScalingDocument, scalingResult } from '../../bench/scaling/section.js';
import { type StartDocument, startResult } from '../../bench/start/section.js';
import type { Start } from '../../bench/start/start.js';

const origin: Origin = {
  date: '2026-02-03T04:05:06.000Z',
  machine: {
    cpu: 'Abacus 3000',
    processors: 4,
    used: 4,
    platform: 'linux-x64',
    node: 'v20.0.0',
    load: 0,
    cacheBytes: 2 ** 24,
  },
  versions: { lanewise: '1.2.3', onnxruntime: '4.5.6' },
  isa: 'avx2',
};

/** One round beside a probe of 100 GFLOP/s and 10 GB/s. */
export const round = (ours: number, rival: number, steady = true): Probed<{ ours: number; rival: number }> => ({
  result: { ours, rival },
  peak: 100,
  clock: 1,
  bandwidth: 10,
  steady,
});

/** A network of 50 million multiply-adds, which would be 1 ms at the peak. */
export function network(title: string, rounds: readonly Probed<{ ours: number; rival: number }>[], threads = 1) {
  const workload = { name: title.toLowerCase(), title, prepare: () => Promise.reject(new Error('not to be run')) };
  return networkResult({ workload, difference: 1e-6, ours: { macs: 50e6 } }, rounds, threads);
}

/** Multiply-adds, bytes and milliseconds: 1 FLOP per byte at 1 GFLOP/s. */
export const layer = (name: string, op = 'conv2d', kernel = 'tile 14x2') => ({
  name,
  op,
  kernel,
  macs: 5e5,
  bytes: 1e6,
  ms: 1,
});

export const models = (layerName = 'stem'): RaceDocument => ({
  kind: 'models',
  call: 'run',
  ...origin,
  threads: 1,
  results: [
    { ...network('Quick', [round(2, 4), round(2, 5), round(2, 6)]), layers: [layer(layerName), layer('last')] },
    { ...network('Slow', [round(4, 2)]), layers: [] },
  ],
});

export const cold = (): RaceDocument => ({
  kind: 'cold',
  call: 'run',
  ...origin,
  threads: 1,
  results: [network('Quick', [round(8, 12)])],
});

export const scaling = (): ScalingDocument => ({
  kind: 'scaling',
  ...origin,
  threadCounts: [1, 2],
  results: [
    scalingResult('quick', 'Quick', [
      { ...network('Quick', [round(4, 6)]), threads: 1 },
      { ...network('Quick', [round(2, 4)], 2), threads: 2 },
    ]),
  ],
});

const freshStart = (importMs: number, firstMs: number, megabytes: number): Start => ({
  importMs,
  firstMs,
  residentBytes: 1e6 * megabytes,
  peakBytes: 2e6 * megabytes,
  elements: 1000,
});

export const start = (): StartDocument => ({
  kind: 'start',
  ...origin,
  threads: 1,
  results: [
    startResult('quick', 'Quick', [
      { none: freshStart(0, 0, 40), lanewise: freshStart(20, 50, 60), onnxruntime: freshStart(10, 75, 70) },
      { none: freshStart(0, 0, 40), lanewise: freshStart(20, 50, 60), onnxruntime: freshStart(10, 125, 90) },
    ]),
  ],
});

export const layers = (): LayersDocument => ({
  kind: 'layers',
  ...origin,
  threads: 1,
  results: [
    {
      ...layer('3x3-64-56px'),
      rivalMs: 2,
      speedup: 2,
      quartiles: [1.9, 2.1],
      gflops: 1,
      peak: 100,
      bandwidth: 10,
      ofPeak: 0.01,
      clock: 1,
      perCycle: 0.01,
      rounds: 3,
      kept: 3,
      noisy: false,
      errors: { ours: { max: 2e-7, rms: 1e-7 }, rival: { max: 4e-7, rms: 3e-7 } },
    },
  ],
});
