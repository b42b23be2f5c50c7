/** Loads and runs one model that may be anything. */
import { LanewiseError, loadModel, tensor } from 'lanewise';
import { Draw } from './mutate.js';

/** So small that nothing a mutant asks for can be mistaken for a leak. */
export const limits = {
  maxDecodedBytes: 2 ** 27,
  maxNodes: 20_000,
  maxTensorElements: 2 ** 22,
  maxConstantBytes: 2 ** 27,
  maxActivationBytes: 2 ** 27,
};

/** What V8 says when nobody has checked: an error of a wrong class would be one, and so would these. */
const unforeseen =
  /Cannot (read|set|convert|mix|destructure)|is not (a function|iterable|defined|a constructor)|Invalid (array|typed array|string|array buffer) length|Maximum call stack|out of bounds|empty array|allocation failed|BigInt/;

export type Verdict = 'ran' | 'refused';

/** @throws what the library threw when it is none of its errors */
export async function tryModel(bytes: Uint8Array, seed: number): Promise<Verdict> {
  const draw = new Draw(seed);
  try {
    const model = await loadModel(bytes, {
      limits,
      threads: 1 + draw.below(2),
      numerics: draw.pick(['fast', 'strict']),
    });
    const shapes = model.inputs.map(({ shape }) =>
      shape.map((extent) => (typeof extent === 'number' ? extent : 1 + draw.below(8))),
    );
    if (shapes.some((shape) => shape.reduce((count, extent) => count * extent, 1) > limits.maxTensorElements))
      return 'refused';
    const names = model.inputs.map(({ name }) => name);
    const { macs } = model.report(Object.fromEntries(names.map((name, i) => [name, shapes[i]!])));
    if (macs > 1e9) return 'refused'; // time is not what limits are about
    const feeds = Object.fromEntries(
      names.map((name, i) => {
        const count = shapes[i]!.reduce((product, extent) => product * extent, 1);
        return [
          name,
          tensor(
            Float32Array.from({ length: count }, () => draw.below(1000) / 500 - 1),
            shapes[i]!,
          ),
        ];
      }),
    );
    if (draw.oneIn(2)) model.runSync(feeds);
    else await model.run(feeds);
    model.dispose();
    return 'ran';
  } catch (error) {
    if (error instanceof LanewiseError && error.code !== 'ERR_INTERNAL') return 'refused';
    if ((error instanceof TypeError || error instanceof RangeError) && !unforeseen.test(error.message))
      return 'refused';
    throw error;
  }
}
