/** A bar per network: how many times as fast as the other engine, with the quartiles of the rounds. */
import type { Figure } from '../section.js';
import { times } from '../table.js';
import { axis, colors, still, tooltip } from './style.js';

export interface Ratio {
  readonly title: string;
  readonly speedup: number;
  readonly quartiles: readonly [number, number];
}

/** What the bars are ratios of. */
export interface RatioText {
  readonly title: string;
  readonly caption: string;
  readonly axis: string;
}

const speedText: RatioText = {
  title: 'Speed beside onnxruntime',
  caption:
    'Time of onnxruntime over time of lanewise: median of the rounds, whiskers from the lower to the upper quartile. Right of 1 lanewise is faster.',
  axis: 'times as fast',
};

const barPixels = 26;
const framePixels = 70;

/** The line at 1 and all whiskers are within; such that ticks are round. */
function lastTick(ratios: readonly Ratio[]): number {
  const most = Math.max(1.1, ...ratios.map(({ quartiles }) => 1.02 * quartiles[1]));
  return most > 3 ? Math.ceil(most) : Math.ceil(5 * most) / 5;
}

export function ratioFigure(ratios: readonly Ratio[], text: RatioText = speedText): Figure {
  const whiskers = ratios.map(({ quartiles: [low, high] }, i) => [{ coord: [low, i] }, { coord: [high, i] }]);
  return {
    title: text.title,
    caption: text.caption,
    height: framePixels + barPixels * ratios.length,
    option: {
      ...still,
      tooltip,
      grid: { left: 210, right: 60, top: 10, bottom: 50 },
      xAxis: { ...axis(text.axis), type: 'value', min: 0, max: lastTick(ratios), nameGap: 28 },
      yAxis: {
        type: 'category',
        data: ratios.map(({ title }) => title),
        inverse: true,
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { color: colors.guide, fontSize: 12, width: 195, overflow: 'truncate' },
      },
      series: [
        {
          type: 'bar',
          barWidth: '58%',
          data: ratios.map(({ title, speedup, quartiles }) => ({
            name: `${title}\n${times(speedup)}, quartiles ${quartiles.map(times).join(' - ')}`,
            value: speedup,
            itemStyle: { color: speedup < 1 ? colors.bad : colors.ours },
            label: { show: true, position: 'insideLeft', formatter: times(speedup), color: '#fff', fontSize: 12 },
          })),
          markLine: {
            silent: true,
            symbol: 'none',
            label: { show: false },
            data: [
              { xAxis: 1, lineStyle: { color: colors.ink, type: 'solid', width: 1 } },
              ...whiskers.map(([from, to]) => [
                { ...from, symbol: 'rect', symbolSize: [9, 1.5], lineStyle: whisker },
                { ...to, symbol: 'rect', symbolSize: [9, 1.5] },
              ]),
            ],
          },
        },
      ],
    },
  };
}

const whisker = { color: colors.ink, type: 'solid', width: 1.5 } as const;
