/**
 * Running a model whose shapes hang on elements.
 *
 * Most models are one plan per input shape. Where a shape depends on what an input or a computed value holds (the shape given
 * to a Reshape, the boxes that NonMaxSuppression looks at), the elements are found first: those of an input are there, those
 * of a computed value are the outputs of a plan of their own. Then they are constants, and what is left is compiled for
 * them. So a plan belongs to input shapes and to the elements it was made for; what a stage computed and the next one needs
 * beside these values is computed again.
 */
import { constantOfTensor } from './feeds.js';
import type { Constant } from './graph/ir.js';
import type { NativeArray } from './native.js';
import type { DataType, Tensor } from './tensor.js';

export type KnownValues = ReadonlyMap<string, Constant>;

/** What stands in the key of a plan that was compiled for these elements. */
export const keyOfValues = (known: KnownValues): string =>
  [...known]
    .map(([name, { data, shape }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return `; ${name} [${shape}] = ${hashOf(bytes)}`;
    })
    .join('');

/** Few models need it: `node:crypto` is loaded for those alone, for it takes milliseconds of a cold start. */
const hashOf = (bytes: Uint8Array): string =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('base64');

/** Where values are read from and written to: inputs of a plan by name, its outputs in order. */
interface StagePorts {
  readonly inputs: readonly string[];
  readonly outputs: readonly (Pick<Constant, 'type' | 'shape'> & { readonly name: string })[];
}

/** The values of one run that are known so far. */
export class StagedValues {
  readonly #feeds: ReadonlyMap<string, Tensor<DataType>>;
  readonly #known = new Map<string, Constant>();

  constructor(feeds: ReadonlyMap<string, Tensor<DataType>>) {
    this.#feeds = feeds;
  }

  get known(): KnownValues {
    return this.#known;
  }

  arraysFor({ inputs }: StagePorts): NativeArray[] {
    return inputs.map((name) => this.#feeds.get(name)!.data);
  }

  /** Inputs become constants. */
  bind(names: readonly string[]): void {
    for (const name of names) this.#known.set(name, constantOfTensor(this.#feeds.get(name)!));
  }

  /** What a stage computed becomes constants. */
  learn({ outputs }: StagePorts, arrays: readonly NativeArray[]): void {
    for (const [i, { name, type, shape }] of outputs.entries())
      this.#known.set(name, { type, shape, data: arrays[i]! });
  }
}
