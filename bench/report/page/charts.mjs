/** Draws the charts of the page; esbuild puts it there together with the parts of ECharts that it needs. */
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([
  BarChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  SVGRenderer,
]);

for (const element of document.querySelectorAll('.chart')) {
  const chart = init(element, null, { renderer: 'svg' });
  chart.setOption(JSON.parse(element.nextElementSibling.textContent));
  new ResizeObserver(() => chart.resize()).observe(element);
}
