/** Files that are no models, or models nobody can run: one clear error, and everything goes on. */
import test from 'ava';
import { LanewiseError, loadModel, Model, tensor } from '#lib/index.js';
import { ocrModelBytes } from '../support/ocr-models.js';
import { buildModel, type NodeSpec } from '../support/onnx-builder.js';
import { quick } from './comparison.js';
import { fixedBytes, image, loadSmall, smallSpec } from './small-models.js';

const formatError = { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' } as const;

/** SplitMix32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

test.afterEach('a good model still runs', async (t) => {
  const model = await loadSmall();
  t.is((await model.run({ x: image(1) }))['y']!.size, 320);
});

test('a file cut after any byte', async (t) => {
  for (let length = 0; length < fixedBytes.length; length++) {
    await t.throwsAsync(loadModel(fixedBytes.subarray(0, length)), formatError, `${length} bytes`);
  }
});

test('a trained network cut in many places', async (t) => {
  const bytes = ocrModelBytes('cls');
  const next = randomNumbers(1);
  const places = Array.from({ length: quick ? 8 : 60 }, () => next() % bytes.length);
  for (const length of [...places, bytes.length - 1]) {
    await t.throwsAsync(loadModel(bytes.subarray(0, length)), formatError, `${length} bytes`);
  }
});

test('bytes of anything else', async (t) => {
  const next = randomNumbers(2);
  const noise = (length: number) => Uint8Array.from({ length }, next);
  const sources = [
    new Uint8Array(0),
    new ArrayBuffer(0),
    new Uint8Array(1000),
    new TextEncoder().encode('{"format": "not this one"}'),
    new TextEncoder().encode('<html><body>404</body></html>'),
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    ...Array.from({ length: 100 }, (_, i) => noise(i * 7)),
  ];
  for (const source of sources) await t.throwsAsync(loadModel(source), formatError);
});

test('names that are no UTF-8', async (t) => {
  const bytes = fixedBytes.slice();
  const place = Buffer.from(bytes).indexOf('second');
  bytes.set([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0], place);
  const error: unknown = await loadModel(bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined) t.like(error, { name: 'LanewiseError', code: 'ERR_MODEL_FORMAT' });
  else t.pass();
});

/**
 * What a changed bit may lead to: another valid model, or an error that the documentation knows. A change can make the
 * shapes of a model disagree (RangeError), name another operator, or ask for more memory than there is.
 */
const documented = new Set(['ERR_MODEL_FORMAT', 'ERR_UNSUPPORTED_OPERATOR', 'ERR_OUT_OF_MEMORY']);

test('every byte changed', async (t) => {
  t.timeout(300_000);
  const next = randomNumbers(3);
  let loaded = 0;
  // Weights are most of the file, and any bits are weights.
  const start = Buffer.from(fixedBytes).indexOf('first') - 64;
  const places = Array.from({ length: fixedBytes.length }, (_, i) => i).filter(
    (i) => i < 400 || Math.abs(i - start) < 600 || i % 37 === 0,
  );
  for (const place of places) {
    if (quick && place % 9 !== 0) continue;
    const bytes = fixedBytes.slice();
    bytes[place] = bytes[place]! ^ (1 + (next() % 255));
    try {
      const model = await loadModel(bytes);
      loaded++;
      const feeds = Object.fromEntries(
        model.inputs.map(({ name, shape }) => {
          const extents = shape.map((extent) => (typeof extent === 'number' ? extent : 1));
          return [name, tensor(new Float32Array(extents.reduce((a, b) => a * b, 1)), extents)];
        }),
      );
      t.is(Object.keys(await model.run(feeds)).length, model.outputs.length);
      model.dispose();
    } catch (error) {
      const known = error instanceof RangeError || (error instanceof LanewiseError && documented.has(error.code));
      if (!known)
        t.fail(`byte ${place} changed to ${bytes[place]}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  t.true(loaded > 0 && loaded < places.length);
});

test('all unsupported operators in one error', async (t) => {
  const foreign: readonly NodeSpec[] = [
    { op: 'Frobnicate', name: 'strange', inputs: ['y'], outputs: ['s1'] },
    { op: 'SequenceErase', name: 'memory', inputs: ['s1'], outputs: ['s2'] },
    { op: 'Attention', name: 'foreign', domain: 'com.example', inputs: ['s2'], outputs: ['s3'] },
    { op: 'Frobnicate', inputs: ['s3'], outputs: ['s4'] },
  ];
  const spec = { ...smallSpec, nodes: [...smallSpec.nodes, ...foreign], outputs: ['s4'] };
  const expected = {
    instanceOf: LanewiseError,
    code: 'ERR_UNSUPPORTED_OPERATOR',
    message: /(?=.*strange)(?=.*memory)(?=.*foreign)(?=.*s4)(?=.*SequenceErase)(?=.*com\.example\.Attention)/s,
  } as const;
  await t.throwsAsync(loadModel(buildModel({ ...spec, inputs: { x: [1, 3, 8, 8] } })), expected);
  await t.throwsAsync(loadModel(buildModel(spec), { inputShapes: { x: [1, 3, 8, 8] } }), expected);
  // Without extents it is found by the first run.
  const model: unknown = await loadModel(buildModel(spec)).catch((error: unknown) => error);
  if (model instanceof Model) await t.throwsAsync(model.run({ x: image(1) }), expected);
  else t.like(model, { code: 'ERR_UNSUPPORTED_OPERATOR' });
});

test('shapes that disagree inside the model', async (t) => {
  const nodes: readonly NodeSpec[] = [
    { op: 'Conv', name: 'first', inputs: ['x', 'w'], outputs: ['c'] },
    { op: 'MatMul', name: 'product', inputs: ['c', 'v'], outputs: ['y'] },
  ];
  await t.throwsAsync(loadModel(buildModel({ ...smallSpec, inputs: { x: [1, 3, 8, 8] }, nodes, outputs: ['y'] })), {
    ...formatError,
    message: /product/,
  });
  // An image smaller than the filter is the caller's fault.
  const model = await loadModel(
    buildModel({ ...smallSpec, inputs: { x: [1, 3, 'H', 'W'] }, nodes: nodes.slice(0, 1), outputs: ['c'] }),
  );
  await t.throwsAsync(model.run({ x: tensor(new Float32Array(6), [1, 3, 1, 2]) }), {
    instanceOf: RangeError,
    message: /first/,
  });
  t.is((await model.run({ x: image(1) }))['c']!.size, 360);
});
