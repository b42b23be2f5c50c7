/** From JSON documents to Markdown and a page. */
import test from 'ava';
import { sectionsOf } from '../../bench/collect/sections.js';
import { UsageError } from '../../bench/report/options.js';
import { htmlPage } from '../../bench/report/page/page.js';
import { markdownReport } from '../../bench/report/section.js';
import { markdownTable, tableOf } from '../../bench/report/table.js';
import { canSpawn } from '../runtime/child.js';
import { cold, layers, models, scaling, start } from './documents.js';

const files = (...documents: readonly object[]) =>
  documents.map((document, i) => ({ file: `${i}.json`, text: JSON.stringify(document) }));

test('a table is readable as text', (t) => {
  const columns = [
    { title: 'name', align: 'left' as const, cell: (row: { name: string }) => row.name },
    { title: 'n', cell: (row: { name: string }) => String(row.name.length) },
  ];
  t.deepEqual(markdownTable(tableOf(columns, [{ name: 'longish' }, { name: 'b' }])).split('\n'), [
    '| name    | n |',
    '| :------ | : |',
    '| longish | 7 |',
    '| b       | 1 |',
  ]);
});

test('Markdown: a section per document, networks first, each with machine, versions and date', (t) => {
  const text = markdownReport(sectionsOf(files(start(), layers(), scaling(), cold(), models())));
  t.deepEqual(text.match(/^## .*$/gm), [
    '## Networks, one at a time, 1 thread',
    '## Networks with cold caches, 1 thread',
    '## Networks with 1, 2 threads',
    '## Layers in chains, 1 thread',
    '## Cold starts, 1 thread',
  ]);
  for (const fact of [
    'Abacus 3000',
    '16 MB last cache',
    'lanewise 1.2.3 (avx2)',
    'onnxruntime-node 4.5.6',
    '2026-02-03',
  ])
    t.is(text.split(fact).length - 1, 5, fact);
  t.regex(text, /\| Quick +\| +50 \| +2\.00 \| +5\.00 \| +2\.50x \| 2\.25x-2\.75x \| +50 \| +50 % \|/);
  t.regex(text, /\| Slow .* slower 0\.50x/);
  t.regex(text, /Slower: Slow\./);
  t.regex(text, /from 1 to 2: lanewise 2\.00x, onnxruntime 1\.50x/);
  t.regex(text, /2\.00 \| 2\.00x \(1\.90-2\.10\)/);
  t.regex(text, /\| 20\.0 \/ 10\.0 \| +50\.0 \/ 100 \| 2\.00x \| 1\.75x-2\.25x \| +20 \/ 40 \| +2\.00x \| 40 \/ 80 \|/);
  t.regex(text, /2\.0e-7 \(4\.0e-7\) \| 1\.0e-7 \(3\.0e-7\)/);
});

// esbuild is a program of its own.
(canSpawn ? test : test.skip)('the page needs nothing else, and names from files stay text', async (t) => {
  const hostile = '</script><script>alert(1)</script><!-- <b>';
  const page = await htmlPage(sectionsOf(files(models(hostile), scaling())));
  const figures = page.match(/<script type="application\/json">.*<\/script>/g) ?? [];
  t.is(figures.length, 3);
  t.is(page.match(/<script/g)?.length, figures.length + 1);
  t.is(page.match(/<\/script/g)?.length, figures.length + 1);
  t.notRegex(page, /<!--|<b>/);
  t.notRegex(page, /<(script|link|img)[^>]* (src|href)=/);
  t.true(figures.some((text) => text.includes('alert(1)')));
});

for (const [what, text] of [
  ['no JSON', 'hello'],
  ['no object', '[1]'],
  ['null', 'null'],
  ['an unknown kind', JSON.stringify({ ...models(), kind: 'toString' })],
  ['no results', JSON.stringify({ ...models(), results: [] })],
] as const) {
  test(`${what} is no document`, (t) => {
    t.throws(() => sectionsOf([{ file: 'x.json', text }]), {
      instanceOf: UsageError,
      message: /^x\.json: expected what a bench wrote with --json \(kind models, cold, mixed,/,
    });
  });
}
