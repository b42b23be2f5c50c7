/** Every command on networks of both kinds: what it prints, what it writes, how it ends. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { differenceOf } from '#lib/cli/compare/difference.js';
import { readNpy, writeNpy } from '#lib/cli/values/npy.js';
import { canSpawn } from '../runtime/child.js';
import { ocrModelPath } from '../support/ocr-models.js';
import { buildModel, random } from '../support/onnx-builder.js';
import { file, folder, lanewise, main, zooFile } from './command.js';

const run = canSpawn ? test : test.skip;
const zoo = zooFile('mobilenet-v2');
const [det, rec, cls] = [ocrModelPath('det'), ocrModelPath('rec'), ocrModelPath('cls')];
const npy = (shape: readonly number[], data: Float32Array): Uint8Array => writeNpy({ type: 'float32', shape, data });

async function json<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await lanewise([...args, '--json']);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

interface Inspected {
  readonly operators: Record<string, number>;
  readonly parameters: number;
  readonly macs: number | null;
  readonly memory: { readonly packedBytes: number } | null;
  readonly folding: { readonly nodesAfter: number; readonly passes: { pass: string; took: Record<string, number> }[] };
  readonly unsupported: { readonly node: string; readonly op: string; readonly reason: string }[];
  readonly nodes?: { readonly name: string; readonly macs: number }[];
}

run('inspect: a network of the zoo', async (t) => {
  const found = await json<Inspected>(['inspect', zoo, '--nodes']);
  t.is(found.operators['BatchNormalization'], 52);
  const pass = found.folding.passes.find((each) => each.pass === 'fold-scale-after');
  t.deepEqual(pass?.took, { ChannelScale: 52 });
  t.deepEqual(found.unsupported, []);
  t.true(found.memory!.packedBytes > 0);
  const total = found.nodes!.reduce((sum, { macs }) => sum + macs, 0);
  t.is(found.macs, total);
});

run('inspect: extents left open, then given', async (t) => {
  const open = await json<Inspected>(['inspect', rec]);
  t.is(open.macs, null);
  t.is(open.memory, null);
  t.deepEqual(open.unsupported, []);
  const given = await json<Inspected>(['inspect', rec, '--shape', 'x=1x3x48x64']);
  t.true(given.macs! > 1e8 && given.memory!.packedBytes > 1e6);
  t.true(given.folding.nodesAfter < open.folding.nodesAfter);
});

run('inspect: a model that does not run says why, node by node, and that is no failure', async (t) => {
  const nodes = [
    { op: 'NoSuchOp', name: 'first', inputs: ['x'], outputs: ['a'] },
    { op: 'Relu', name: 'middle', inputs: ['a'], outputs: ['b'] },
    { op: 'Other', name: 'second', domain: 'com.example', inputs: ['x'], outputs: ['c'] },
  ];
  const path = file('alien.onnx', buildModel({ inputs: { x: [1, 4] }, outputs: ['b', 'c'], nodes }));
  const { unsupported } = await json<Inspected>(['inspect', path]);
  t.deepEqual(
    unsupported.map(({ node, op }) => `${node} ${op}`),
    ['first NoSuchOp', 'second com.example.Other'],
  );
  const { code, stdout } = await lanewise(['inspect', path]);
  t.is(code, 0);
  t.regex(stdout, /does not run: 2 nodes cannot/);
});

interface Ran {
  readonly outputs: {
    readonly name: string;
    readonly shape: number[];
    readonly top?: { readonly index: number; readonly value: number; readonly label?: string }[][];
  }[];
}

run('run: a file in, a file out, the same as onnxruntime', async (t) => {
  const data = random([1, 3, 32, 32], 5).data as Float32Array;
  const input = file('picture.npy', npy([1, 3, 32, 32], data));
  const output = join(folder, 'logits.npy');
  const labels = file('classes.txt', `${Array.from({ length: 10 }, (_, i) => `class ${i}`).join('\n')}\n`);
  const ran = await json<Ran>(['run', zoo, `input=${input}`, '-o', output, '--top', '2', '--labels', labels]);
  const session = await ort.InferenceSession.create(zoo, { logSeverityLevel: 3 });
  const { logits } = await session.run({ input: new ort.Tensor('float32', data, [1, 3, 32, 32]) });
  const expected = { type: 'float32', shape: [1, 10], data: logits!.data as Float32Array } as const;
  const { maxRel } = differenceOf('logits', readNpy(readFileSync(output), output), expected);
  t.true(maxRel < 1e-4, `${maxRel}`);
  const best = expected.data.indexOf(Math.max(...expected.data));
  t.is(ran.outputs[0]!.top![0]![0]!.index, best);
  t.is(ran.outputs[0]!.top![0]![0]!.label, `class ${best}`);
  // Its own draft alone: other commands write theirs to this folder at the same time.
  t.deepEqual(
    readdirSync(folder).filter((name) => name.includes('logits.npy')),
    ['logits.npy'],
  );
});

run('run: raw bytes and JSON are the same input', async (t) => {
  const graph = { inputs: { x: ['N', 2] }, outputs: ['y'], nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }] };
  const model = file('relu.onnx', buildModel(graph));
  const values = Float32Array.of(-1, 2, 3, -4, 5, 6);
  const forms = [
    file('x.bin', new Uint8Array(values.buffer)),
    file('x.json', '[[-1, 2], [3, -4], [5, 6]]'),
    file('flat.json', JSON.stringify({ shape: [3, 2], data: [...values] })),
    file('x.npy', npy([3, 2], values)),
  ];
  for (const form of forms) {
    const output = join(folder, 'y.json');
    const { outputs } = await json<Ran>(['run', model, form, '-o', output]);
    t.deepEqual(outputs[0]!.shape, [3, 2]);
    t.deepEqual(JSON.parse(readFileSync(output, 'utf8')), { type: 'float32', shape: [3, 2], data: [0, 2, 3, 0, 5, 6] });
  }
});

run('run: a picture becomes planes of normalised pixels', async (t) => {
  const model = (shape: number[]) =>
    buildModel({ inputs: { x: shape }, outputs: ['y'], nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }] });
  const [planes, pixels] = [file('nchw.onnx', model([1, 3, 2, 2])), file('nhwc.onnx', model([1, 2, 2, 3]))];
  const raw = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
  const picture = join(folder, 'tiny.png');
  await sharp(raw, { raw: { width: 2, height: 2, channels: 3 } })
    .png()
    .toFile(picture);
  const output = join(folder, 'pixels.npy');
  const options = ['--mean', '0.1,0.2,0.3', '--std', '0.5', '-o', output];
  const expected = (pixel: number, channel: number) =>
    Math.fround(-(raw[3 * pixel + channel]! / 255 - [0.1, 0.2, 0.3][channel]!) / 0.5);
  await json(['run', planes, picture, ...options]);
  const chw = Array.from({ length: 12 }, (_, i) => expected(i % 4, Math.floor(i / 4)));
  t.deepEqual([...readNpy(readFileSync(output), output).data], chw);
  await json(['run', pixels, picture, ...options]);
  const hwc = Array.from({ length: 12 }, (_, i) => expected(Math.floor(i / 3), i % 3));
  t.deepEqual([...readNpy(readFileSync(output), output).data], hwc);
});

run('run: the direction of a line, from a picture of any size', async (t) => {
  const picture = join('examples', 'ocr', 'two-lines.png');
  const options = ['--shape', '1x3x48x192', '--mean', '0.5', '--std', '0.5', '--top', '1'];
  const { outputs } = await json<Ran>(['run', cls, picture, ...options]);
  t.deepEqual(outputs[0]!.shape, [1, 2]);
});

interface Benched {
  readonly latencies: { readonly engine: string; readonly runs: number; readonly p50: number; readonly p99: number }[];
  readonly layers: { readonly ms: number }[];
}

run('bench: both engines, as often as asked', async (t) => {
  const { latencies, layers } = await json<Benched>(['bench', zoo, '--runs', '7', '--warmup', '1', '--layers', '3']);
  t.deepEqual(
    latencies.map(({ engine, runs }) => `${engine} ${runs}`),
    ['lanewise 7', 'onnxruntime 7'],
  );
  t.true(latencies.every(({ p50, p99 }) => p50 > 0 && p99 >= p50));
  t.is(layers.length, 3);
  t.true(layers[0]!.ms >= layers[2]!.ms);
  const alone = await json<Benched>(['bench', det, '-s', '1x3x64x64', '--runs', '2', '--no-onnxruntime']);
  t.is(alone.latencies.length, 1);
});

run('profile: a table, a trace, a page of its own', async (t) => {
  const [trace, html] = [join(folder, 'trace.json'), join(folder, 'page.html')];
  const args = ['profile', rec, '-s', 'x=1x3x48x64', '--runs', '2', '--trace', trace, '--html', html];
  const { steps } = await json<{ steps: { name: string; ms: number }[] }>(args);
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: { ts: number; dur: number }[] };
  t.is(traceEvents.length, steps.length);
  for (const [i, { ts }] of traceEvents.slice(1).entries()) t.true(ts >= traceEvents[i]!.ts);
  const page = readFileSync(html, 'utf8');
  t.notRegex(page, /<script|src=|url\(|@import|https?:/, 'nothing from elsewhere');
  t.is(page.match(/<rect[^>]*><title>/g)?.length, steps.length);
  t.regex(page, /prefers-color-scheme: dark/);
});

run('profile: names do not become markup, nor drive a terminal', async (t) => {
  const nodes = [{ op: 'Relu', name: '<script>alert("1")</script>\u001b[2J&', inputs: ['x'], outputs: ['y'] }];
  const model = file('names.onnx', buildModel({ inputs: { x: [1, 4] }, outputs: ['y'], nodes }));
  const html = join(folder, 'names.html');
  const { stdout } = await lanewise(['profile', model, '--runs', '1', '--html', html]);
  t.false(stdout.includes('\u001b'));
  const page = readFileSync(html, 'utf8');
  t.notRegex(page, /<script/);
  t.true(page.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;'));
});

run('fold: a file that onnxruntime takes, with fewer nodes and the same results', async (t) => {
  const cases = [
    [zoo, '1x3x32x32', undefined],
    [rec, '1x3x48x64', undefined],
    [cls, '1x3x48x192', '1x3x48x192'],
  ] as const;
  for (const [i, [model, shape, fixed]] of cases.entries()) {
    const output = join(folder, `folded-${i}.onnx`);
    const options = fixed === undefined ? [] : ['--shape', fixed];
    const { nodesBefore, nodesAfter } = await json<Record<string, number>>(['fold', model, '-o', output, ...options]);
    t.true(nodesAfter! < nodesBefore!);
    const both = ['--engine', 'onnxruntime', '--shape', shape, '--tolerance', '1e-4'];
    const { code, stderr } = await lanewise(['compare', model, output, ...both]);
    t.is(code, 0, stderr);
    t.is((await lanewise(['fold', model, '-o', output, '--force', ...options])).code, 0);
  }
});

interface Compared {
  readonly outputs: { readonly name: string; readonly maxRel: number; readonly cosine: number }[];
  readonly layers?: { readonly name: string; readonly maxRel: number }[];
}

run('compare: with onnxruntime, layer by layer', async (t) => {
  for (const args of [[zoo], [rec, '-s', '1x3x48x64']]) {
    const { outputs, layers } = await json<Compared>(['compare', ...args, '--layers']);
    for (const { name, maxRel } of [...outputs, ...layers!]) t.true(maxRel < 1e-3, `${name}: ${maxRel}`);
    t.true(layers!.length > 20);
    t.true(outputs[0]!.cosine > 0.999999);
  }
});

run('compare: two models that differ fail the tolerance, and say by how much', async (t) => {
  const weights = (value: number) => ({ w: { shape: [4], data: new Float32Array(4).fill(value) } });
  const model = (value: number) =>
    buildModel({
      inputs: { x: [1, 4] },
      outputs: ['y'],
      nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }],
      constants: weights(value),
    });
  const [a, b] = [file('a.onnx', model(2)), file('b.onnx', model(2.5))];
  const { outputs } = await json<Compared>(['compare', a, b]);
  t.true(Math.abs(outputs[0]!.maxRel - 0.2) < 1e-6);
  const { code, stderr } = await lanewise(['compare', a, b, '--tolerance', '0.1']);
  t.is(code, 1);
  t.regex(stderr, /^lanewise: output 'y' differs by 2\.00e-1\n$/);
});

run('compare: strict and fast of one model', async (t) => {
  const { outputs } = await json<Compared>(['compare', cls, '-s', '1x3x48x192', '--numerics', 'fast,strict']);
  t.true(outputs[0]!.maxRel < 1e-4);
});

run('cpu', async (t) => {
  const found = await json<{ active: string; detected: string[] }>(['cpu']);
  t.true(found.detected.includes(found.active));
});

run('every command has help with examples; the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.is((await lanewise(['--version'])).stdout, `${version}\n`);
  const { stdout: help } = await lanewise(['--help']);
  const names = [...help.matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name]) => name!);
  t.true(names.length >= 6);
  for (const name of names) {
    const { stdout, code } = await lanewise([name, '--help']);
    t.is(code, 0);
    t.regex(stdout, /--json/);
    t.regex(stdout, new RegExp(`Examples:\n {2}\\$ .*lanewise ${name}`));
  }
});

run('a reader that stops early is no failure', async (t) => {
  const child = spawn('sh', ['-c', `"${process.execPath}" "${main}" inspect "${rec}" --nodes; echo $? >&2`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy(); // what `| head` does, at once
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise((resolve) => child.once('close', resolve));
  t.is(said, '0\n');
});

test('files are whole or not there', (t) => {
  t.false(existsSync(join(folder, 'no')));
});
