/** A program written for the types of onnxruntime-node: compiling it, engine.ts and declarations.ts is most of the test. */
import test from 'ava';
import * as ort from '#lib/onnxruntime/index.js';
import { smallBytes } from '../models/small-models.js';
import { engines } from './engine.js';

/** As such programs are written. */
class Classifier {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  static async open(model: Uint8Array, options: ort.InferenceSession.SessionOptions = {}): Promise<Classifier> {
    return new Classifier(await ort.InferenceSession.create(model, { executionProviders: ['cpu'], ...options }));
  }

  async classify(pixels: Float32Array): Promise<ort.TypedTensor<'float32'>> {
    const input: ort.TypedTensor<'float32'> = new ort.Tensor('float32', pixels, [1, 3, 8, 8]);
    const feeds: Record<string, ort.Tensor> = { [this.#session.inputNames[0]!]: input };
    const results: ort.InferenceSession.OnnxValueMapType = await this.#session.run(feeds);
    const output: ort.OnnxValue = results[this.#session.outputNames[0]!]!;
    if (output.type !== 'float32') throw new Error(`a ${output.type} tensor`);
    return output as ort.TypedTensor<'float32'>;
  }
}

test('a program with types', async (t) => {
  const classifier = await Classifier.open(smallBytes, { graphOptimizationLevel: 'all', logSeverityLevel: 3 });
  const { data, dims } = await classifier.classify(new Float32Array(192));
  const type: ort.Tensor.Type = 'float32';
  const inferred: ort.TypedTensor<'bool'> = new ort.Tensor([true, false]);
  t.is(data.length, 320);
  t.deepEqual(dims, [1, 5, 8, 8]);
  t.deepEqual([type, inferred.type], ['float32', 'bool']);
});

test('the module has every name that onnxruntime-node has', (t) => {
  const names = (module: object) =>
    Object.keys(module)
      .filter((name) => name !== '__esModule' && name !== 'module.exports')
      .sort();
  t.deepEqual(names(ort), names(engines.onnxruntime));
  t.deepEqual(names(ort.default), names((engines.onnxruntime as unknown as { default: object }).default));
});
