/** Every layer beside the two things that can limit it: arithmetic and memory. */
import type { Figure } from '../section.js';
import { axis, colors, palette, still, tooltip } from './style.js';

export interface RooflinePoint {
  /** Where the layer stands, for whoever points at it. */
  readonly network: string;
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly macs: number;
  readonly bytes: number;
  readonly ms: number;
}

export interface Roofs {
  /** GFLOP/s of all threads. */
  readonly peak: number;
  /** GB/s of all threads. */
  readonly bandwidth: number;
}

const matrixOperators: ReadonlySet<string> = new Set(['conv2d', 'convTranspose2d', 'matmul', 'conv']);

/** Kernels that are alike; what no vector of multiply-adds computes is in one family. */
export const familyOf = ({ op, kernel }: Pick<RooflinePoint, 'op' | 'kernel'>): string =>
  matrixOperators.has(op) ? (kernel.split(' ')[0] ?? kernel) : 'other';

/** FLOP per byte, and GFLOP/s. */
export const placeOf = ({ macs, bytes, ms }: RooflinePoint): readonly [intensity: number, gflops: number] => [
  (2 * macs) / bytes,
  (2e-6 * macs) / ms,
];

/** The most that both roofs let pass, at a number of FLOP per byte. */
export const roofAt = ({ peak, bandwidth }: Roofs, intensity: number): number => Math.min(peak, bandwidth * intensity);

/** Areas stand for shares of the time of the network. */
const symbolSize = (share: number): number => 4 + 40 * Math.sqrt(share);

const rounded = (value: number): number => Number(value.toPrecision(4));

export function rooflineFigure(all: readonly RooflinePoint[], roofs: Roofs): Figure {
  const points = all.filter(({ macs, bytes, ms }) => macs > 0 && bytes > 0 && ms > 0);
  const totals = new Map<string, number>();
  for (const { network, ms } of all) totals.set(network, (totals.get(network) ?? 0) + ms);
  const families = new Map<string, object[]>();
  for (const point of [...points].sort((a, b) => b.ms - a.ms)) {
    const [intensity, gflops] = placeOf(point);
    const share = point.ms / (totals.get(point.network) ?? point.ms);
    const family = familyOf(point);
    const lines = [
      `${point.network}: ${point.name}`,
      `${point.op}, ${point.kernel}`,
      `${(point.macs / 1e6).toFixed(1)} MMAC, ${(point.bytes / 1e6).toFixed(2)} MB, ${intensity.toFixed(1)} FLOP/byte`,
      `${point.ms.toFixed(3)} ms, ${(100 * share).toFixed(1)} % of the network, ${gflops.toFixed(1)} GFLOP/s`,
      `${(100 * (gflops / roofs.peak)).toFixed(0)} % of peak`,
    ];
    const item = {
      name: lines.join('\n'),
      value: [rounded(intensity), rounded(gflops)],
      symbolSize: rounded(symbolSize(share)),
    };
    families.set(family, [...(families.get(family) ?? []), item]);
  }
  const intensities = points.map((point) => placeOf(point)[0]);
  const ridge = roofs.peak / roofs.bandwidth;
  const [from, to] = [Math.min(ridge / 2, ...intensities) / 1.5, Math.max(2 * ridge, ...intensities) * 1.5];
  const roof = [from, ridge, to].map((x) => [rounded(x), rounded(roofAt(roofs, x))]);
  return {
    title: 'Roofline: every layer',
    caption: `A dot per layer, its area the share of its network's time. Roofs: ${roofs.peak.toFixed(0)} GFLOP/s of multiply-adds, and ${roofs.bandwidth.toFixed(0)} GB/s of memory, both probed between the rounds. Bytes: weights, activations in and activations out, once each; layers left of the ridge and above the slope found them in the caches. Winograd can be above the peak: it needs fewer multiplications than it is given credit for. Steps without multiply-adds are not shown.`,
    height: 560,
    option: {
      ...still,
      tooltip,
      color: palette,
      legend: { top: 0, data: [...families.keys()].sort() },
      grid: { left: 70, right: 30, top: 40, bottom: 55 },
      xAxis: { ...axis('FLOP per byte'), type: 'log', min: rounded(from), max: rounded(to), nameGap: 30, ...logLabels },
      yAxis: { ...axis('GFLOP/s'), type: 'log', nameGap: 50, ...logLabels },
      series: [
        {
          type: 'line',
          data: roof,
          symbol: 'none',
          silent: true,
          lineStyle: { color: '#1c1c1a', width: 1.5 },
        },
        ...[...families]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, data]) => ({
            name,
            type: 'scatter',
            data,
            itemStyle: { opacity: 0.55 },
          })),
      ],
    },
  };
}

/** The ends of the axes are not round numbers. */
const logLabels = {
  axisLabel: { color: colors.guide, fontSize: 12, showMinLabel: false, showMaxLabel: false },
} as const;
