/** What a race of two engines says about a network. */
import type { Origin } from '../report/machine.js';
import { type Probed, steadyRounds } from '../report/peak.js';
import { median, quantile } from '../report/statistics.js';
import type { OurCall, Pair } from './engines.js';
import type { Round } from './race.js';

/** A step of the network's plan. */
export interface LayerTime {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly macs: number;
  /** Of weights, activations in and activations out, each once. */
  readonly bytes: number;
  readonly ms: number;
}

export interface NetworkResult {
  readonly name: string;
  readonly title: string;
  readonly macs: number;
  readonly rounds: number;
  readonly kept: number;
  readonly noisy: boolean;
  readonly oursMs: number;
  readonly rivalMs: number;
  /** Time of onnxruntime over ours, round by round: median and quartiles. */
  readonly speedup: number;
  readonly quartiles: readonly [number, number];
  readonly oursOfPeak: number;
  readonly rivalOfPeak: number;
  /** GFLOP/s of one core. */
  readonly peak: number;
  /** GB/s of all threads. */
  readonly bandwidth: number;
  readonly difference: number;
  readonly measurements: readonly (Round & Pick<Probed<Round>, 'peak' | 'bandwidth' | 'steady'>)[];
  /** By lanewise; only where networks were warm. */
  readonly layers?: readonly LayerTime[];
}

/** models: the same network over and over; cold: evicted before each run; mixed: networks round robin. */
export interface RaceDocument extends Origin {
  readonly kind: 'models' | 'cold' | 'mixed';
  readonly threads: number;
  readonly call: OurCall;
  readonly results: readonly NetworkResult[];
}

export function networkResult(
  { workload, ours, difference }: Pick<Pair, 'workload' | 'difference'> & { readonly ours: { readonly macs: number } },
  all: readonly Probed<Round>[],
  threads: number,
): NetworkResult {
  const { kept, noisy } = steadyRounds(all);
  const ratios = kept.map(({ result }) => result.rival / result.ours);
  const gigaflops = 2e-6 * ours.macs;
  return {
    name: workload.name,
    title: workload.title,
    macs: ours.macs,
    rounds: all.length,
    kept: kept.length,
    noisy,
    oursMs: median(kept.map(({ result }) => result.ours)),
    rivalMs: median(kept.map(({ result }) => result.rival)),
    speedup: median(ratios),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    oursOfPeak: median(kept.map(({ result, peak }) => gigaflops / result.ours / (threads * peak))),
    rivalOfPeak: median(kept.map(({ result, peak }) => gigaflops / result.rival / (threads * peak))),
    peak: median(kept.map(({ peak }) => peak)),
    bandwidth: median(kept.map(({ bandwidth }) => bandwidth)),
    difference,
    measurements: all.map(({ result, peak, bandwidth, steady }) => ({ ...result, peak, bandwidth, steady })),
  };
}
