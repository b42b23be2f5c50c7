/**
 * A profile as one HTML file that needs nothing else: no network, no script. Time runs to the right, one lane per kind of step; every
 * bar says what it is when pointed at, and leads to its row in the table, by mouse or keyboard.
 */
import type { Profile, ProfileStep } from '../../profile.js';
import { count, milliseconds, percent, plural, printable } from '../terminal/format.js';
import { byOperator, topSteps } from './steps.js';

export interface PageFacts {
  readonly title: string;
  readonly input: string;
  /** Instruction set and threads. */
  readonly where: string;
  readonly processor: string;
  readonly runs: number;
}

const mostExpensive = 15;
/** Narrower bars are too many to step through by keyboard. */
const leastFocusable = 0.01;
/** Bars have at least this share of the width, so that they can be seen and hit. */
const leastWidth = 0.0008;
/** Between bars that are wide enough for one. */
const gap = 0.001;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escaped = (text: string): string => printable(text).replace(/[&<>"']/g, (letter) => entities[letter]!);

const style = `
:root { color-scheme: light dark; --ground: #fcfcfb; --ink: #1c1c1a; --soft: #65645f; --line: #e3e2dd; --bar: #2a6fc9; --track: #f0efeb; --mark: #fff1c7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #191918; --ink: #ecebe7; --soft: #a3a29b; --line: #353431; --bar: #5b9bec; --track: #242422; --mark: #4a3f1c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 36px 0 10px; }
p { margin: 0; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 22px 0 0; }
dt { color: var(--soft); font-size: 12px; }
dd { margin: 0; font-size: 22px; font-weight: 600; }
.lane { display: grid; grid-template-columns: 240px 1fr; gap: 14px; align-items: center; }
.lane span { display: flex; justify-content: space-between; gap: 8px; white-space: nowrap; overflow: hidden; }
.lane i { font-style: normal; color: var(--soft); }
.lane svg { display: block; width: 100%; height: 22px; background: var(--track); border-bottom: 2px solid var(--ground); }
rect { fill: var(--bar); }
a:hover rect, a:focus-visible rect { fill: var(--ink); }
a:focus { outline: none; }
td a:focus-visible { outline: 2px solid var(--bar); outline-offset: 1px; }
.ticks { display: flex; justify-content: space-between; color: var(--soft); font-size: 12px; padding-top: 4px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px; white-space: nowrap; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 180px; }
td a { color: inherit; }
.n { text-align: right; }
.share { min-width: 150px; }
.share svg { display: block; width: 100%; height: 12px; background: var(--track); }
tr:target td { background: var(--mark); }
@media (max-width: 700px) { .lane { grid-template-columns: 1fr; gap: 0; padding-bottom: 6px; } }
`;

interface Placed extends ProfileStep {
  readonly index: number;
  readonly start: number;
}

function describeStep({ index, name, op, kernel, ms, share, macs, gflops }: Placed): string {
  const lines = [`${index + 1}. ${name}`, `${op}, ${kernel}`, `${milliseconds(ms)} ms, ${percent(share)}`];
  if (macs > 0) lines.push(`${count(macs)} MACs, ${gflops.toFixed(1)} GFLOP/s`);
  return lines.map(escaped).join('\n');
}

function lane(op: string, facts: string, steps: readonly Placed[], totalMs: number): string {
  const bars = steps
    .filter((step) => step.op === op)
    .map((step) => {
      const time = step.ms / totalMs;
      const width = Math.max(time > 3 * gap ? time - gap : time, leastWidth);
      const x = Math.min(step.start / totalMs, 1 - width);
      const skip = step.share < leastFocusable ? ' tabindex="-1"' : '';
      return `<a href="#step-${step.index + 1}"${skip}><rect x="${(1000 * x).toFixed(2)}" width="${(1000 * width).toFixed(2)}" height="22"><title>${describeStep(step)}</title></rect></a>`;
    });
  const label = `<span>${escaped(op)} <i>${facts}</i></span>`;
  return `<div class="lane">${label}<svg viewBox="0 0 1000 22" preserveAspectRatio="none" role="group" aria-label="${escaped(op)}">${bars.join('')}</svg></div>`;
}

function timeline(profile: Profile, steps: readonly Placed[]): string {
  const lanes = byOperator(profile).map(({ op, ms, share }) =>
    lane(op, `${milliseconds(ms)} ms, ${percent(share)}`, steps, profile.totalMs),
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => `<span>${(part * profile.totalMs).toFixed(2)}</span>`);
  return `${lanes.join('\n')}\n<div class="lane"><span><i>milliseconds</i></span><div class="ticks">${ticks.join('')}</div></div>`;
}

interface Cell {
  readonly title: string;
  readonly className: string;
  /** HTML. */
  cell(step: Placed): string;
}

const shareBar = ({ share }: Placed, most: number): string =>
  `<svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true"><rect width="${((1000 * share) / most).toFixed(1)}" height="12"/></svg>`;

const cells: readonly Cell[] = [
  { title: 'step', className: '', cell: ({ op }) => escaped(op) },
  { title: 'kernel', className: '', cell: ({ kernel }) => escaped(kernel) },
  { title: 'ms', className: 'n', cell: ({ ms }) => ms.toFixed(3) },
  { title: 'share', className: 'n', cell: ({ share }) => percent(share) },
  { title: 'MACs', className: 'n', cell: ({ macs }) => (macs === 0 ? '' : count(macs)) },
  { title: 'GFLOP/s', className: 'n', cell: ({ macs, gflops }) => (macs === 0 ? '' : gflops.toFixed(1)) },
  { title: 'kB', className: 'n', cell: ({ bytes }) => (bytes / 1000).toFixed(0) },
];

const number: Cell = { title: '#', className: 'n', cell: ({ index }) => String(index + 1) };
const named: Cell = { title: 'layer', className: 'name', cell: ({ name }) => escaped(name) };
const linked: Cell = { ...named, cell: ({ index, name }) => `<a href="#step-${index + 1}">${escaped(name)}</a>` };

function table(columns: readonly Cell[], steps: readonly Placed[], anchors: boolean): string {
  const head = columns.map(({ title, className }) => `<th class="${className}">${title}</th>`).join('');
  const rows = steps.map((step) => {
    const body = columns.map(({ className, cell }) => `<td class="${className}">${cell(step)}</td>`).join('');
    return `<tr${anchors ? ` id="step-${step.index + 1}"` : ''}>${body}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}

export function profilePage(profile: Profile, facts: PageFacts): string {
  let start = 0;
  const steps = profile.steps.map((step, index): Placed => {
    const placed = { ...step, index, start };
    start += step.ms;
    return placed;
  });
  const macs = steps.reduce((sum, step) => sum + step.macs, 0);
  const rate = profile.totalMs > 0 ? (2e-6 * macs) / profile.totalMs : 0;
  const expensive = topSteps(steps, mostExpensive) as Placed[];
  const most = expensive[0]?.share ?? 1;
  const bar: Cell = { title: '', className: 'share', cell: (step) => shareBar(step, most || 1) };
  const figures = [
    ['one run', `${milliseconds(profile.totalMs)} ms`],
    ['steps', String(steps.length)],
    ['multiply-accumulates', count(macs)],
    ['speed', `${rate.toFixed(1)} GFLOP/s`],
  ].map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  const title = escaped(facts.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: profile</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
<p>${escaped(facts.input)}; ${escaped(facts.where)}; ${escaped(facts.processor)}; medians of ${plural(facts.runs, 'run')}</p>
<dl>${figures.join('')}</dl>
<h2>Timeline</h2>
${timeline(profile, steps)}
<h2>Most expensive layers</h2>
${table([number, linked, bar, ...cells], expensive, false)}
<h2>All steps, in the order they run</h2>
${table([number, named, ...cells], steps, true)}
</body>
</html>
`;
}
