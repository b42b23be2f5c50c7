/** Whole networks folded into files: onnxruntime and lanewise compute of them what onnxruntime computes of the originals. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { LanewiseError } from '#lib/errors.js';
import { foldModel } from '#lib/fold-model.js';
import { compileForShapes } from '#lib/graph/compile.js';
import { loadModel } from '#lib/model.js';
import { native } from '#lib/native.js';
import { parseModel } from '#lib/onnx/parse.js';
import { readModel } from '#lib/onnx/read.js';
import { writeModel } from '#lib/onnx/write.js';
import { tensor } from '#lib/tensor.js';
import { networks, type ZooName, zooInput, zooModel } from '../../bench/zoo/index.js';
import { relativeDifference, runOnnxruntime } from '../support/check-model.js';
import { type OcrModel, ocrModelPath } from '../support/ocr-models.js';
import { type Input, quick, TOLERANCE } from './comparison.js';
import { blank, letterHeight, normalized, write } from './text-picture.js';

const SIZE = quick ? 32 : 64;

/** What folding must leave of each network's nodes. VGG-16 has nothing to fold and half a gigabyte of weights. */
const zoo: Partial<Record<ZooName, number>> = {
  'mobilenet-v1': 57,
  'mobilenet-v2': 100,
  'mobilenet-v3-large': 140,
  'efficientnet-b0': 238,
  'shufflenet-v2': 173,
  'resnet-18': 49,
  'resnet-50': 122,
  'resnext-50': 122,
  'regnet-y-400mf': 216,
  'densenet-121': 368,
  'squeezenet-1.1': 65,
  googlenet: 139,
  'repvgg-a0': 47,
};
const ocr: Readonly<Record<OcrModel, number>> = { det: 164, rec: 244, cls: 134 };

function picture(width: number, height: number): Input {
  const page = blank(width, height);
  write(page, 'LANE 471', 6, 6, height > 48 ? 2 : 5);
  if (height > 64) write(page, '7 LANE', 20, 8 + 2 * letterHeight(2), 3);
  const data = normalized(page, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);
  return { name: 'x', shape: [1, 3, height, width], data };
}

interface Subject {
  readonly path: string;
  readonly input: Input;
  readonly nodes: number | undefined;
}

const chosen = quick ? (['mobilenet-v3-large', 'shufflenet-v2'] as const) : (Object.keys(zoo) as ZooName[]);
const subjects: Record<string, Subject> = {
  ...Object.fromEntries(
    chosen.map((name) => {
      const data = zooInput(name, { size: SIZE, batch: 1, seed: 5 });
      const input = { name: networks[name].input.name, shape: [1, 3, SIZE, SIZE], data };
      return [name, { path: zooModel(name, { size: SIZE, batch: 'N' }), input, nodes: zoo[name] }];
    }),
  ),
  det: { path: ocrModelPath('det'), input: picture(160, 96), nodes: ocr.det },
  rec: { path: ocrModelPath('rec'), input: picture(160, 48), nodes: ocr.rec },
  cls: { path: ocrModelPath('cls'), input: picture(192, 48), nodes: ocr.cls },
};

/** What a file computes, without names made up on the way: operators, attributes, and the weights each node reads. */
function contents(bytes: Uint8Array): unknown[] {
  const { graph } = parseModel(bytes);
  const weights = new Map(
    graph!.initializer.map(({ name, dims, rawData }) => {
      const hash = createHash('sha1').update(rawData).digest('hex');
      return [name, `${dims.join('x')} ${hash}`];
    }),
  );
  return graph!.node.map(({ opType, attribute, input }) => ({
    opType,
    attribute,
    weights: input.flatMap((name) => weights.get(name) ?? []),
  }));
}

for (const [name, { path, input, nodes }] of Object.entries(subjects)) {
  test.serial(name, async (t) => {
    t.timeout(300_000);
    const original = readFileSync(path);
    const feeds = { [input.name]: input };
    const folded = await foldModel(path);
    t.is(folded.nodesAfter, nodes ?? folded.nodesAfter);
    t.true(folded.nodesAfter < folded.nodesBefore);
    t.is(parseModel(folded.bytes).graph!.node.length, folded.nodesAfter);

    const first = (results: Record<string, { data: ArrayLike<number> }>) => Object.values(results)[0]!.data;
    const expected = first(await runOnnxruntime(original, feeds));
    const check = (what: string, actual: ArrayLike<number>) => {
      const distance = relativeDifference(actual, expected);
      t.true(distance < TOLERANCE, `${what} differs by ${distance}`);
    };
    t.true(
      Array.from(expected).some((value) => Math.abs(value) > 1e-3),
      'the network sees something',
    );
    check('onnxruntime', first(await runOnnxruntime(folded.bytes, feeds)));

    const model = await loadModel(folded.bytes);
    const tensors = { [input.name]: tensor(input.data, input.shape) };
    check('lanewise', (await model.run(tensors))[model.outputs[0]!.name]!.data);
    model.dispose();

    // What fusion makes for these shapes, as nodes again.
    const shapes = { [input.name]: input.shape };
    const { graph } = compileForShapes(readModel(original), shapes, { fold: native });
    check('the fused graph', first(await runOnnxruntime(writeModel(graph, parseModel(original)).bytes, feeds)));

    const again = await foldModel(folded.bytes);
    t.deepEqual(contents(again.bytes), contents(folded.bytes), 'folded twice');
  });
}

test('input shapes fix extents and take the arithmetic of shapes out', async (t) => {
  const input = picture(160, 96);
  const { bytes } = await foldModel(ocrModelPath('det'), { inputShapes: { x: input.shape } });
  const model = await loadModel(bytes);
  t.deepEqual(model.inputs[0]!.shape, [1, 3, 96, 160]);
  t.false(parseModel(bytes).graph!.node.some(({ opType }) => opType === 'Shape'));
  const expected = await runOnnxruntime(readFileSync(ocrModelPath('det')), { x: input });
  const actual = await runOnnxruntime(bytes, { x: input });
  t.true(relativeDifference(Object.values(actual)[0]!.data, Object.values(expected)[0]!.data) < TOLERANCE);
  model.dispose();
});

test('sources: a path, a URL, bytes', async (t) => {
  const path = ocrModelPath('cls');
  const { bytes } = await foldModel(path);
  for (const source of [pathToFileURL(path), readFileSync(path), new Uint8Array(readFileSync(path)).buffer])
    t.deepEqual((await foldModel(source)).bytes, bytes);
});

test('bad arguments', async (t) => {
  const path = ocrModelPath('cls');
  const typeErrors: [source: unknown, options: unknown, message: RegExp][] = [
    [7, {}, /foldModel: source: expected a path, a file URL or bytes, got 7/],
    [path, 3, /foldModel: options: expected an object, got 3/],
    [path, { inputShape: {} }, /foldModel: unknown option 'inputShape' \(did you mean 'inputShapes'\?\)/],
    [path, { inputShapes: 3 }, /inputShapes: expected an object of shapes/],
    [path, { inputShapes: { x: [1, '3'] } }, /inputShapes: 'x': expected an array of numbers/],
  ];
  for (const [source, options, message] of typeErrors)
    await t.throwsAsync(foldModel(source as string, options as object), { instanceOf: TypeError, message });
  const rangeErrors: [shapes: Record<string, number[]>, message: RegExp][] = [
    [{ y: [1] }, /no input 'y'/],
    [{ x: [1, 3, 48] }, /input 'x' must have shape/],
    [{ x: [1, 4, 48, 192] }, /input 'x' must have shape/],
  ];
  for (const [inputShapes, message] of rangeErrors)
    await t.throwsAsync(foldModel(path, { inputShapes }), { instanceOf: RangeError, message });
  await t.throwsAsync(foldModel(new Uint8Array(0)), { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' });
  await t.throwsAsync(foldModel(Uint8Array.of(1, 2, 3)), { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' });
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'));
  await t.throwsAsync(foldModel(join(folder, 'none.onnx')), { code: 'ENOENT' });
  rmSync(folder, { recursive: true });
});
