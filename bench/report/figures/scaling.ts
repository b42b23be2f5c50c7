/** How much faster a network is with more threads, in both engines. */

import type { Figure } from '../section.js';
import { geometricMean } from '../statistics.js';
import { axis, colors, still, tooltip } from './style.js';

export interface ScalingCurve {
  readonly title: string;
  readonly points: readonly { readonly threads: number; readonly oursGain: number; readonly rivalGain: number }[];
}

const engines = [
  { name: 'lanewise', color: colors.ours, gain: 'oursGain' },
  { name: 'onnxruntime', color: colors.rival, gain: 'rivalGain' },
] as const;

const rounded = (value: number): number => Number(value.toPrecision(4));

export function scalingFigure(curves: readonly ScalingCurve[]): Figure {
  const threads = curves[0]?.points.map((point) => point.threads) ?? [];
  const most = Math.max(1, ...threads);
  const first = threads[0] ?? 1;
  const each = engines.flatMap(({ name, color, gain }) =>
    curves.map(({ title, points }) => ({
      type: 'line',
      data: points.map((point) => ({
        name: `${title}, ${name}\n${point.threads} threads: ${point[gain].toFixed(2)}x`,
        value: [point.threads, rounded(point[gain])],
      })),
      symbolSize: 5,
      lineStyle: { color, width: 1, opacity: 0.25 },
      itemStyle: { color, opacity: 0.35 },
    })),
  );
  const means = engines.map(({ name, color, gain }) => ({
    name,
    type: 'line',
    data: threads.map((count, i) => {
      const mean = geometricMean(curves.map(({ points }) => points[i]?.[gain] ?? Number.NaN));
      return { name: `${name}, geometric mean\n${count} threads: ${mean.toFixed(2)}x`, value: [count, rounded(mean)] };
    }),
    symbolSize: 8,
    lineStyle: { color, width: 3 },
    itemStyle: { color },
  }));
  const ideal = {
    name: 'ideal',
    type: 'line',
    symbol: 'none',
    silent: true,
    data: [
      [first, 1],
      [most, most / first],
    ],
    lineStyle: { color: colors.guide, type: 'dashed', width: 1.5 },
    itemStyle: { color: colors.guide },
  };
  return {
    title: 'Scaling',
    caption: `Speed-up over ${first === 1 ? 'one thread' : `${first} threads`} of the same engine. Thick: geometric mean; thin: each network.`,
    height: 420,
    option: {
      ...still,
      tooltip,
      legend: { top: 0, data: [...engines.map(({ name }) => name), 'ideal'] },
      grid: { left: 60, right: 30, top: 40, bottom: 50 },
      xAxis: { ...axis('threads'), type: 'value', min: first, max: most, minInterval: 1, nameGap: 28 },
      yAxis: { ...axis('speed-up'), type: 'value', min: 0, nameGap: 36 },
      series: [ideal, ...each, ...means],
    },
  };
}
