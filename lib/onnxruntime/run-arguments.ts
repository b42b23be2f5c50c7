/** What a run is given: feeds become tensors of the library, fetches the names and places of the outputs. */
import { describe, shapeText } from '../describe.js';
import { type DataType, Tensor as ModelTensor } from '../tensor.js';
import type { OnnxValue, TensorLike } from './session-types.js';
import { Tensor } from './tensor.js';

const isTensor = (value: unknown): value is TensorLike =>
  typeof value === 'object' && value !== null && 'type' in value && 'dims' in value && 'data' in value;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isTensor(value);

function modelTensor(where: string, value: unknown): ModelTensor<DataType> {
  if (!isTensor(value)) throw new TypeError(`${where}: expected a Tensor, got ${describe(value)}`);
  try {
    return new ModelTensor(value.type as DataType, value.data as never, value.dims);
  } catch (cause) {
    const Kind = cause instanceof RangeError ? RangeError : TypeError;
    throw new Kind(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The inputs of the model out of `feeds`, which may hold more, as with onnxruntime. */
export function readFeeds(inputs: readonly string[], feeds: unknown): Record<string, ModelTensor<DataType>> {
  if (!isObject(feeds)) throw new TypeError(`run: feeds: expected an object of tensors, got ${describe(feeds)}`);
  const missing = inputs.find((name) => feeds[name] === undefined);
  if (missing !== undefined)
    throw new TypeError(`run: input '${missing}' is missing in feeds; inputs: ${inputs.join(', ')}`);
  return Object.fromEntries(inputs.map((name) => [name, modelTensor(`run: input '${name}'`, feeds[name])]));
}

/** Outputs wanted, in order, each with the tensor to write to or null. */
export type Places = ReadonlyMap<string, TensorLike | null>;

const all = (outputs: readonly string[]): Places => new Map(outputs.map((name) => [name, null]));

function namedFetches(outputs: readonly string[], names: readonly unknown[]): Places {
  if (names.length === 0) throw new TypeError('run: fetches: expected names of outputs, got an empty array');
  for (const name of names) {
    if (typeof name !== 'string') throw new TypeError(`run: fetches: expected names of outputs, got ${describe(name)}`);
    if (!outputs.includes(name))
      throw new RangeError(`run: the model has no output '${name}'; outputs: ${outputs.join(', ')}`);
  }
  return all(names as string[]);
}

/**
 * The arguments after the feeds, `(fetches, options)` or `(options)`: an object is fetches when a name of an output in it
 * has a tensor or null.
 */
export function readFetches(
  outputs: readonly string[],
  second: unknown,
  third: unknown,
): { fetches: Places; options: unknown } {
  if (second === undefined) return { fetches: all(outputs), options: third ?? {} };
  if (Array.isArray(second)) return { fetches: namedFetches(outputs, second), options: third ?? {} };
  if (!isObject(second))
    throw new TypeError(
      `run: expected fetches (an array of names, an object of tensors) or options, got ${describe(second)}`,
    );
  const places = outputs
    .filter((name) => Object.hasOwn(second, name) && (second[name] === null || isTensor(second[name])))
    .map((name) => [name, second[name] as TensorLike | null] as const);
  if (places.length === 0) return { fetches: all(outputs), options: second };
  return { fetches: new Map(places), options: third ?? {} };
}

/** The result as the caller gets it: a new tensor, or the given one with the result written to it. */
export function deliver(
  name: string,
  { type, data, shape }: ModelTensor<DataType>,
  place: TensorLike | null,
): OnnxValue {
  if (place === null) return new Tensor(type, data, shape);
  const fits = place.type === type && place.dims.length === shape.length && place.dims.every((e, i) => e === shape[i]);
  if (!fits) {
    const expected = `${type} ${shapeText(shape)}`;
    const got = `${place.type} ${shapeText(place.dims)}`;
    throw new RangeError(`run: fetches: output '${name}': expected a tensor of ${expected} to write to, got ${got}`);
  }
  (place.data as Float32Array).set(data as Float32Array);
  return place as OnnxValue;
}
