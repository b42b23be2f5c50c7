/** The PP-OCRv4 networks with their trained weights against onnxruntime. */
import test from 'ava';
import { type OcrModel, ocrModelPath } from '../support/ocr-models.js';
import { bestIsa, checkRuns, expectedOutputs, type Input, isas, quick } from './comparison.js';
import { blank, letterHeight, normalized, write } from './text-picture.js';

const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const symmetric = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** A page with two lines of text. */
function page(width: number, height: number): Input {
  const picture = blank(width, height);
  write(picture, 'LANE 471', 8, 8, 2);
  if (height > 64) write(picture, '7 LANE', 20, 8 + 2 * letterHeight(2), 3);
  return { name: 'x', shape: [1, 3, height, width], data: normalized(picture, imagenet.mean, imagenet.deviation) };
}

/** Lines of text as wide as `width`, one per text. */
function lines(texts: readonly string[], width: number): Input {
  const each = texts.map((text) => {
    const picture = blank(width, 48);
    write(picture, text, 6, 6, 5);
    return normalized(picture, symmetric.mean, symmetric.deviation);
  });
  const data = new Float32Array(each.length * 3 * 48 * width);
  for (const [i, line] of each.entries()) data.set(line, i * line.length);
  return { name: 'x', shape: [each.length, 3, 48, width], data };
}

/** Batches and widths that change from call to call, as they do in reading. */
const cases: Readonly<Record<OcrModel, readonly Input[]>> = {
  det: quick ? [page(96, 32)] : [page(192, 96), page(160, 128)],
  rec: quick ? [lines(['41'], 64)] : [lines(['LANE'], 160), lines(['47', '71', 'NE'], 96)],
  cls: quick ? [lines(['LA'], 192)] : [lines(['LANE'], 192), lines(['47', '71'], 192)],
};

for (const [name, inputs] of Object.entries(cases) as [OcrModel, readonly Input[]][]) {
  test.serial(`${name} on every instruction set, with 1, 2 and 8 threads and several shapes`, async (t) => {
    t.timeout(300_000);
    const path = ocrModelPath(name);
    const expected = await expectedOutputs(path, inputs);
    // A map of zeros would agree with anything.
    for (const output of expected)
      t.true(
        output.some((value) => value > 0.5),
        'the network sees nothing',
      );
    for (const isa of isas) {
      const alone = await checkRuns(t, path, inputs, expected, { isa, threads: 1 });
      for (const threads of isa === bestIsa ? [2, 8] : []) {
        await checkRuns(t, path, inputs, expected, { isa, threads }, alone);
      }
    }
  });
}

if (!quick) {
  test.serial('det finds text in a page of 640 pixels', async (t) => {
    t.timeout(300_000);
    const inputs = [page(640, 480)];
    const expected = await expectedOutputs(ocrModelPath('det'), inputs);
    await checkRuns(t, ocrModelPath('det'), inputs, expected, { isa: bestIsa, threads: 2 });
  });
}
