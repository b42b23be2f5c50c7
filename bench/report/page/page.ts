/** Sections as one HTML file that needs nothing else: no network, the charts' program is inside. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { escaped } from '#lib/cli/profile/page.js';
import { repositoryRoot } from '../../repository.js';
import type { Figure, Section } from '../section.js';
import type { Table } from '../table.js';

const style = `
:root { color-scheme: light; --ground: #fcfcfb; --ink: #1c1c1a; --soft: #65645f; --line: #e3e2dd; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; margin: 0 0 8px; }
h2 { font-size: 18px; margin: 48px 0 4px; padding-top: 16px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 28px 0 2px; }
p { margin: 0 0 8px; max-width: 90ch; }
nav a { margin-right: 18px; display: inline-block; }
a { color: inherit; }
.soft { color: var(--soft); }
.wide { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12px; white-space: nowrap; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.right { text-align: right; }
@media print { .wide, figure { break-inside: avoid; } }
figure { margin: 0; }
`;

/** The program of the page, with what it imports. */
async function chartsProgram(): Promise<string> {
  const root = repositoryRoot();
  const { outputFiles } = await build({
    entryPoints: [join(root, 'bench', 'report', 'page', 'charts.mjs')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'inline',
    write: false,
  });
  return inScript(outputFiles[0]?.text ?? '');
}

/** Text inside a script element, which only its end tag and comments could end. */
const inScript = (text: string): string => text.replace(/<(?=\/script|script|!--)/gi, '\\x3c');

const json = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

function table({ columns, rows }: Table): string {
  const cell = (tag: string, text: string, i: number) =>
    `<${tag}${columns[i]?.align === 'right' ? ' class="right"' : ''}>${escaped(text)}</${tag}>`;
  const head = columns.map(({ title }, i) => cell('th', title, i)).join('');
  const body = rows.map((texts) => `<tr>${texts.map((text, i) => cell('td', text, i)).join('')}</tr>`);
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

const figure = ({ title, caption, height, option }: Figure): string => `<figure>
<h3>${escaped(title)}</h3>
<figcaption class="soft"><p>${escaped(caption)}</p></figcaption>
<div class="chart" style="height: ${height}px" role="img" aria-label="${escaped(title)}"></div>
<script type="application/json">${json(option)}</script>
</figure>`;

const section = (
  { title, origin, table: rows, notes, figures }: Section,
  index: number,
): string => `<section id="s${index}">
<h2>${escaped(title)}</h2>
<p class="soft">${escaped(origin)}</p>
${figures.map(figure).join('\n')}
${table(rows)}
${notes.map((note) => `<p class="soft">${escaped(note)}</p>`).join('\n')}
</section>`;

export async function htmlPage(sections: readonly Section[]): Promise<string> {
  const links = sections.map(({ title }, i) => `<a href="#s${i}">${escaped(title)}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lanewise: measured figures</title>
<style>${style}</style>
</head>
<body>
<h1>lanewise: measured figures</h1>
<nav>${sections.length > 1 ? links.join('\n') : ''}</nav>
${sections.map(section).join('\n')}
<script>${await chartsProgram()}</script>
</body>
</html>
`;
}
