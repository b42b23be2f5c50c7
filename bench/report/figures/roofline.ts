/** Every layer beside the two things that can limit it: arithmetic and memory. */
import type { Figure } from '../section.js';
import { anotherFamily, axis, colors, familyColors, still, tooltip } from './style.js';

export interface RooflinePoint {
  /** Where the layer stands, for whoever points at it. */
  readonly network: string;
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly macs: number;
  readonly bytes: number;
  readonly ms: number;
  /** Of the time of its network, 0 to 1, where it is part of one. */
  readonly share?: number;
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
const symbolSize = (share: number | undefined): number => (share === undefined ? 12 : 4 + 40 * Math.sqrt(share));

const rounded = (value: number): number => Number(value.toPrecision(4));

export function rooflineFigure(all: readonly RooflinePoint[], roofs: Roofs): Figure {
  const points = all.filter(({ macs, bytes, ms }) => macs > 0 && bytes > 0 && ms > 0);
  const families = new Map<string, object[]>();
  for (const point of [...points].sort((a, b) => b.ms - a.ms)) {
    const [intensity, gflops] = placeOf(point);
    const family = familyOf(point);
    const share = point.share === undefined ? '' : `, ${(100 * point.share).toFixed(1)} % of the network`;
    const lines = [
      `${point.network}: ${point.name}`,
      `${point.op}, ${point.kernel}`,
      `${(point.macs / 1e6).toFixed(1)} MMAC, ${(point.bytes / 1e6).toFixed(2)} MB, ${intensity.toFixed(1)} FLOP/byte`,
      `${point.ms.toFixed(3)} ms${share}, ${gflops.toFixed(1)} GFLOP/s`,
      `${(100 * (gflops / roofs.peak)).toFixed(0)} % of peak`,
    ];
    const item = {
      name: lines.join('\n'),
      value: [rounded(intensity), rounded(gflops)],
      symbolSize: rounded(symbolSize(point.share)),
    };
    families.set(family, [...(families.get(family) ?? []), item]);
  }
  const intensities = points.map((point) => placeOf(point)[0]);
  const ridge = roofs.peak / roofs.bandwidth;
  const [from, to] = [Math.min(ridge / 2, ...intensities) / 1.5, Math.max(2 * ridge, ...intensities) * 1.5];
  const roof = [from, ridge, to].map((x) => [rounded(x), rounded(roofAt(roofs, x))] as const);
  const lowest = Math.min(...roof.map(([, y]) => y), ...points.map((point) => placeOf(point)[1])) / 1.5;
  return {
    title: 'Roofline: every layer',
    caption: `A dot per layer${points.some(({ share }) => share !== undefined) ? ", its area the share of its network's time" : ''}. Roofs: ${roofs.peak.toFixed(0)} GFLOP/s of multiply-adds, and ${roofs.bandwidth.toFixed(0)} GB/s of memory, both probed between the rounds. Bytes: weights, activations in and activations out, once each; layers left of the ridge and above the slope found them in the caches. Winograd can be above the peak: it needs fewer multiplications than it is given credit for. Steps without multiply-adds are not shown.`,
    height: 560,
    option: {
      ...still,
      tooltip,
      legend: { top: 0, data: [...families.keys()].sort() },
      grid: { left: 70, right: 30, top: 40, bottom: 55 },
      xAxis: { ...axis('FLOP per byte'), type: 'log', min: rounded(from), max: rounded(to), nameGap: 30, ...logLabels },
      yAxis: { ...axis('GFLOP/s'), type: 'log', min: rounded(lowest), nameGap: 50, ...logLabels },
      series: [
        {
          type: 'line',
          data: roof,
          symbol: 'none',
          silent: true,
          lineStyle: { color: colors.ink, width: 1.5 },
          markLine: {
            silent: true,
            symbol: 'none',
            lineStyle: { color: 'transparent' },
            data: [
              roofLabel(`${roofs.peak.toFixed(0)} GFLOP/s`, roof[1], roof[2], 'insideEndTop'),
              roofLabel(`${roofs.bandwidth.toFixed(0)} GB/s`, roof[0], roof[1], 'insideStartTop'),
            ],
          },
        },
        ...[...families]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, data]) => ({
            name,
            type: 'scatter',
            data,
            itemStyle: { color: familyColors[name] ?? anotherFamily, opacity: 0.55 },
          })),
      ],
    },
  };
}

type Place = readonly [number, number] | undefined;

/** Written along a roof, on a line that is not drawn. */
const roofLabel = (formatter: string, from: Place, to: Place, position: string) => [
  { coord: from, label: { formatter, position, color: colors.ink, fontSize: 12 } },
  { coord: to },
];

/** The ends of the axes are not round numbers. */
const logLabels = {
  minorTick: { show: true },
  minorSplitLine: { show: true, lineStyle: { color: colors.veil } },
  axisLabel: { color: colors.guide, fontSize: 12, showMinLabel: false, showMaxLabel: false },
} as const;
