/** What charts show: the places of the points, and that ECharts can draw each option as it comes out of JSON. */
import { createRequire } from 'node:module';
import test from 'ava';
import { ratioFigure } from '../../bench/report/figures/ratios.js';
import { familyOf, placeOf, roofAt, rooflineFigure } from '../../bench/report/figures/roofline.js';
import { scalingFigure } from '../../bench/report/figures/scaling.js';
import type { Figure } from '../../bench/report/section.js';
import { startSection } from '../../bench/start/section.js';
import { layer, models, scaling, start } from './documents.js';

interface Charts {
  init(
    element: null,
    theme: null,
    options: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}
// Its declarations want those of a browser.
const echarts = createRequire(import.meta.url)('echarts') as Charts;

function svg({ height, option }: Figure): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 900, height });
  chart.setOption(JSON.parse(JSON.stringify(option)) as object);
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

interface Series {
  readonly name?: string;
  readonly type: string;
  readonly data: readonly ({ readonly name: string; readonly value: readonly number[] } | readonly number[])[];
}
const seriesOf = ({ option }: Figure) => option['series'] as readonly Series[];

const point = (over: object = {}) => ({ ...layer('stem'), network: 'Net', share: 0.25, ...over });

test('a layer stands at FLOP per byte and GFLOP/s', (t) => {
  t.deepEqual(placeOf(point()), [1, 1]);
  t.deepEqual(placeOf(point({ macs: 3e6, bytes: 4e5, ms: 0.5 })), [15, 12]);
});

test('roofs: bandwidth up to the ridge, then the peak', (t) => {
  const roofs = { peak: 100, bandwidth: 10 };
  t.is(roofAt(roofs, 2), 20);
  t.is(roofAt(roofs, 10), 100);
  t.is(roofAt(roofs, 50), 100);
});

test('kernels of one family share a colour', (t) => {
  t.is(familyOf({ op: 'conv2d', kernel: 'tile 14x2' }), 'tile');
  t.is(familyOf({ op: 'matmul', kernel: 'tile 1x4' }), 'tile');
  t.is(familyOf({ op: 'conv2d', kernel: 'depthwise 3x3' }), 'depthwise');
  t.is(familyOf({ op: 'pool2d', kernel: 'max 3x3s2' }), 'other');
});

test('the roofline holds every layer with multiply-adds, a series per family', (t) => {
  const points = [
    point(),
    point({ name: 'deep', kernel: 'depthwise 3x3' }),
    point({ name: 'pool', op: 'pool2d', kernel: 'max' }),
    point({ name: 'copy', macs: 0 }),
    point({ name: 'untimed', ms: 0 }),
  ];
  const figure = rooflineFigure(points, { peak: 100, bandwidth: 10 });
  const [roof, ...families] = seriesOf(figure);
  t.deepEqual(
    families.map(({ name, data }) => [name, data.length]),
    [
      ['depthwise', 1],
      ['other', 1],
      ['tile', 1],
    ],
  );
  t.deepEqual(roof?.data[1], [10, 100]);
  const drawn = svg(figure);
  for (const text of ['depthwise', '100 GFLOP/s', '10 GB/s', 'FLOP per byte']) t.true(drawn.includes(text), text);
});

test('a bar per network, the line at 1 in sight, slower ones in another colour', (t) => {
  const figure = ratioFigure(models().results);
  const drawn = svg(figure);
  for (const text of ['Quick', 'Slow', '2.50x', '0.50x']) t.true(drawn.includes(text), text);
  const slower = ratioFigure(models().results.filter(({ speedup }) => speedup < 1));
  t.true((slower.option['xAxis'] as { max: number }).max > 1);
  const [bars] = figure.option['series'] as [{ data: { itemStyle: { color: string } }[] }];
  t.not(bars.data[0]?.itemStyle.color, bars.data[1]?.itemStyle.color);
});

test('a cold start has a bar for time and one for memory', (t) => {
  const [figure] = startSection(start()).figures;
  const drawn = svg(figure as Figure);
  for (const text of ['Quick: time', 'Quick: memory', 'times as small']) t.true(drawn.includes(text), text);
});

test('curves begin at 1, and the ideal is as steep as the threads are many', (t) => {
  const figure = scalingFigure(scaling().results);
  const [ideal, ours, theirs] = seriesOf(figure);
  t.deepEqual(ideal?.data, [
    [1, 1],
    [2, 2],
  ]);
  const values = (series: Series | undefined) => series?.data.map((item) => ('value' in item ? item.value : item));
  t.deepEqual(values(ours), [
    [1, 1],
    [2, 2],
  ]);
  t.deepEqual(values(theirs), [
    [1, 1],
    [2, 1.5],
  ]);
  t.true(svg(figure).includes('onnxruntime'));
});
