/** What charts have in common. */

/** Lanewise, the other engine, lines that only guide the eye, and what is worse than it should be. */
export const colors = {
  ours: '#2a6fc9',
  rival: '#c9772a',
  guide: '#65645f',
  faint: '#d8d7d1',
  bad: '#b3352b',
} as const;

/** Far apart for those, too, who see fewer colours. */
export const palette = ['#2a6fc9', '#c9772a', '#2f8f6b', '#8a56b8', '#a89a1c', '#b84a7a'] as const;

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
