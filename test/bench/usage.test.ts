/** What the command of the benches says to whoever mistypes: one line on stderr, nothing on stdout, exit code 2. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readThreadsOptions, UsageError } from '../../bench/report/options.js';
import { canSpawn, root, runNode } from '../runtime/child.js';

const folder = mkdtempSync(join(tmpdir(), 'lanewise-bench-'));
const bench = (...args: string[]) => runNode([join(root, 'build/ts/bench/main.js'), ...args], {});

const text = join(folder, 'labels.txt');
writeFileSync(text, 'cat\n');

const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [['modles'], /unknown command 'modles'; there are: models, layers/],
  [['models', '--only', 'resnet-51'], /--only: no 'resnet-51' here; there are: mobilenet-v1/],
  [['models', '--rounds', '0'], /--rounds: expected an integer from 1 to 10000, got '0'/],
  [['models', '--rounds', ''], /--rounds: expected an integer/],
  [['models', '--threads', '1,2'], /--threads: expected an integer from 1 to 64, got '1,2'/],
  [['models', '--isa', 'mmx'], /--isa: expected one of scalar/],
  [['models', '--mixed'], /Unknown option '--mixed'/],
  [['cold', '--mixed', '--only', 'resnet-50'], /--mixed: expected two networks or more/],
  [['scaling', '--threads', '1,two'], /--threads: expected an integer from 1 to 64, got 'two'/],
  [['layers', '--html', join(folder, 'nowhere', 'page.html')], /--html: no folder '.*nowhere'/],
  [['runtime', '--json', join(text, 'x.json')], /--json: no folder '.*labels\.txt'/],
  [['report'], /expected the JSON files of benches/],
  [['report', text], /expected --markdown FILE or --html FILE/],
  [['report', text, '--html', join(folder, 'a.html')], /labels\.txt: expected what a bench wrote with --json/],
  [['report', join(folder, 'no.json'), '--html', join(folder, 'b.html')], /ENOENT.*no\.json/],
];

const spawning = canSpawn ? test : test.skip;

for (const [args, says] of cases) {
  spawning(`bench ${args.slice(0, 3).join(' ').replace(folder, '')}`, async (t) => {
    const { code, stdout, stderr } = await bench(...args);
    t.is(code, 2, stderr);
    t.is(stdout, '');
    t.regex(stderr, says);
    t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  });
}

test('numbers of threads are sorted, each once', (t) => {
  t.deepEqual(readThreadsOptions(['--threads', '4,1,4'], []).threadCounts, [1, 4]);
  t.is(readThreadsOptions([], []).threadCounts, undefined);
  t.throws(() => readThreadsOptions(['--threads', '1,,2'], []), { instanceOf: UsageError });
});

spawning('a bench writes what report reads, and no bar where nobody looks', async (t) => {
  const [json, html, markdown] = ['layers.json', 'page.html', 'RESULTS.md'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const measured = await bench('layers', '--only', 'depthwise-960-7px', '--rounds', '1', '--json', json);
  t.is(measured.code, 0, measured.stderr);
  t.is(measured.stderr, '');
  t.regex(measured.stdout, /\| depthwise-960-7px \| depthwise/);
  const reported = await bench('report', json, '--html', html, '--markdown', markdown);
  t.deepEqual([reported.code, reported.stdout, reported.stderr], [0, '', '']);
  t.true(existsSync(html));
  t.true(readFileSync(markdown, 'utf8').includes(measured.stdout));
});
