/** What charts have in common. */

/** The engines, lines that only guide the eye, lines to read, and what is worse than it should be. */
export const colors = {
  ours: '#2a6fc9',
  rival: '#c9772a',
  guide: '#65645f',
  faint: '#d8d7d1',
  veil: '#efeeea',
  ink: '#1c1c1a',
  bad: '#b3352b',
} as const;

/** Kernels by family, far apart for those, too, who see fewer colours. */
export const familyColors: Readonly<Record<string, string>> = {
  tile: '#2a6fc9',
  winograd: '#a89a1c',
  depthwise: '#c9772a',
  grouped: '#2f8f6b',
  other: '#8f8d86',
};

/** Of families without a colour of their own. */
export const anotherFamily = '#8a56b8';

const text = { color: colors.guide, fontSize: 12 } as const;
const lines = { lineStyle: { color: colors.faint } } as const;

export const axis = (name: string) => ({
  name,
  nameLocation: 'middle',
  nameTextStyle: text,
  axisLabel: text,
  axisLine: lines,
  splitLine: lines,
});

/** The name of a point is all there is to say about it, line by line. */
export const tooltip = { trigger: 'item', formatter: '{b}', extraCssText: 'white-space: pre-line' } as const;

/** Charts stand still: nobody waits for a report to unfold. */
export const still = { animation: false, textStyle: { fontFamily: 'system-ui, sans-serif' } } as const;
