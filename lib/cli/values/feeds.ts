/** What a model is fed: files of several kinds, or made-up values. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { elementCount, newArray } from '../../graph/constant.js';
import { storageOf } from '../../graph/element-type.js';
import type { Constant, ElementType } from '../../graph/ir.js';
import { type DataType, Tensor } from '../../tensor.js';
import type { ShapeOption } from '../options.js';
import { shapeText } from '../terminal/format.js';
import { CommandError, UsageError } from '../usage.js';
import { type ImageOptions, readImage } from './image.js';
import { readJson } from './json.js';
import { readNpy } from './npy.js';
import { randomValue } from './random.js';
import { knownShapes, type OpenShape, openShapes, type Port, portNamed } from './shapes.js';

export interface FeedOptions extends ImageOptions {
  readonly shape?: readonly ShapeOption[];
  readonly seed?: number;
}

export type Feeds = Record<string, Tensor<DataType>>;

type Reader = (file: string, port: Port, shape: OpenShape, options: FeedOptions) => Promise<Constant>;

const picture: Reader = (file, port, shape, options) => readImage(file, shape, port.type, options);

const readers: Readonly<Record<string, Reader>> = {
  '.npy': async (file) => readNpy(await readFile(file), file),
  '.json': async (file) => readJson(await readFile(file, 'utf8'), file),
  '.png': picture,
  '.jpg': picture,
  '.jpeg': picture,
  '.webp': picture,
};

/** Any other file: elements of the input's type and nothing else; one extent may be told by the length. */
const raw: Reader = async (file, port, open) => {
  const type = port.type as ElementType;
  const info = storageOf(type);
  if (!info) throw new CommandError(`${file}: an input of type ${type} cannot be read from raw bytes`);
  const bytes = await readFile(file);
  const count = bytes.length / info.array.BYTES_PER_ELEMENT;
  const known = elementCount(open.map((extent) => extent ?? 1));
  const isOpen = open.filter((extent) => extent === undefined).length === 1;
  const shape = open.map((extent) => extent ?? (isOpen ? count / known : 1));
  if (!shape.every(Number.isInteger) || elementCount(shape) !== count) {
    const declared = shapeText(open.map((extent) => extent ?? '?'));
    throw new CommandError(
      `${file}: ${bytes.length} bytes are ${count} elements of ${type}, input '${port.name}' has shape ${declared}; give it with --shape`,
    );
  }
  return { type, shape, data: new info.array(new Uint8Array(bytes).buffer, 0, count) };
};

const isInteger = (type: string): boolean => /^u?int/.test(type) || type === 'bool';

/** The value as the input takes it: a float input takes any number, an integer input any integer that it can hold. */
function converted(value: Constant, port: Port, file: string): Constant {
  const { type, shape, data } = value;
  const wanted = port.type as ElementType;
  if (type === wanted) return value;
  const result = newArray(wanted, data.length);
  const isBig = result instanceof BigInt64Array || result instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const element = data[i]!;
    if (isInteger(wanted) && typeof element === 'number' && !Number.isInteger(element))
      throw new CommandError(`${file}: input '${port.name}' takes ${wanted}, got ${element}`);
    if (isBig) result[i] = BigInt(element);
    else result[i] = Number(element);
    if (isInteger(wanted) && Number(result[i]) !== Number(element))
      throw new CommandError(`${file}: ${element} is beyond ${wanted}, the type of input '${port.name}'`);
  }
  return { type: wanted, shape, data: result };
}

const tensorTypes: readonly string[] = ['float32', 'int64', 'int32', 'uint8', 'int8', 'bool'] satisfies DataType[];

function tensorOf({ type, shape, data }: Constant, port: Port): Tensor<DataType> {
  if (!tensorTypes.includes(type))
    throw new CommandError(`input '${port.name}' is ${type}; inputs are ${tensorTypes.join(', ')}`);
  return new Tensor(type as DataType, data as Float32Array, shape);
}

/** `name=file`, or a file alone where the model has one input. The longest input name wins, for names may hold a '='. */
function assign(inputs: readonly Port[], texts: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const text of texts) {
    const named = inputs
      .filter(({ name }) => text.startsWith(`${name}=`))
      .sort((a, b) => b.name.length - a.name.length);
    const [port] = named;
    const split = text.indexOf('=');
    let name = port?.name;
    if (name === undefined && inputs.length === 1 && split < 0) name = inputs[0]!.name;
    if (name === undefined && split > 0) name = portNamed(inputs, text.slice(0, split)).name;
    if (name === undefined)
      throw new UsageError(
        `'${text}': the model has ${inputs.length} inputs (${inputs.map((input) => input.name).join(', ')}), write NAME=FILE`,
      );
    if (files.has(name)) throw new UsageError(`input '${name}' is given twice`);
    files.set(name, port ? text.slice(name.length + 1) : split > 0 ? text.slice(split + 1) : text);
  }
  return files;
}

/** Values from files, input by input. @throws UsageError when an input has none */
export async function readFeeds(
  inputs: readonly Port[],
  texts: readonly string[],
  options: FeedOptions,
): Promise<Feeds> {
  const files = assign(inputs, texts);
  const missing = inputs.find(({ name }) => !files.has(name));
  if (missing) throw new UsageError(`input '${missing.name}' ${shapeText(missing.shape)} has no file`);
  const open = openShapes(inputs, options.shape);
  const typed = new Set(options.shape?.map(({ name }) => (name === '' ? inputs[0]!.name : name)));
  const feeds: Feeds = {};
  for (const port of inputs) {
    const file = files.get(port.name)!;
    const reader = readers[extname(file).toLowerCase()] ?? raw;
    // The batch of a file is the file's to say.
    const declared = typed.has(port.name)
      ? open.get(port.name)!
      : open
          .get(port.name)!
          .map((extent, axis) => (typeof port.shape[axis] === 'string' && axis === 0 ? undefined : extent));
    const value = await reader(file, port, declared, options);
    feeds[port.name] = tensorOf(converted(fitted(value, declared), port, file), port);
  }
  return feeds;
}

/** Elements in a row take the shape of the input where it is known. */
function fitted(value: Constant, declared: OpenShape): Constant {
  if (value.shape.length === declared.length || value.shape.length !== 1) return value;
  const count = value.data.length;
  const known = elementCount(declared.map((extent) => extent ?? 1));
  const isOpen = declared.filter((extent) => extent === undefined).length;
  if (isOpen > 1 || (isOpen === 0 ? known !== count : count % known !== 0)) return value;
  return { ...value, shape: declared.map((extent) => extent ?? count / known) };
}

/** Made-up values for every input. */
export function randomFeeds(inputs: readonly Port[], options: FeedOptions): Feeds {
  const shapes = knownShapes(inputs, options.shape);
  return Object.fromEntries(
    inputs.map((port, i) => [
      port.name,
      tensorOf(randomValue(port.type, shapes[port.name]!, (options.seed ?? 1) + i), port),
    ]),
  );
}

/** Files where there are any, made-up values else. */
export const feedsFor = (inputs: readonly Port[], texts: readonly string[], options: FeedOptions): Promise<Feeds> =>
  texts.length > 0 ? readFeeds(inputs, texts, options) : Promise.resolve(randomFeeds(inputs, options));
