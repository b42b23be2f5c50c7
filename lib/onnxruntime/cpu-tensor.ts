/** The class behind `Tensor`. */
import { inspect } from 'node:util';
import { describe, shapeText } from '../describe.js';
import { elementsOf } from '../tensor.js';
import type { Tensor } from './tensor.js';
import { arrayOf, inferType } from './tensor-data.js';

type Data = Tensor.DataType;

interface Parts {
  readonly type: string;
  readonly data: unknown;
  readonly dims: unknown;
  readonly location: Tensor.DataLocation;
}

/** The three ways to call the constructor: (type, data, dims), (data, dims), ({ location, type, data, dims }). */
function readParts(first: unknown, second: unknown, third: unknown): Parts {
  if (typeof first === 'string') return { type: first, data: second, dims: third, location: 'cpu' };
  if (first === null || typeof first !== 'object' || !('location' in first))
    return { type: inferType(first), data: first, dims: second, location: 'cpu' };
  const { location, type, data, dims } = first as Partial<Parts>;
  if (location !== 'cpu-pinned')
    throw new TypeError(`Tensor: location: expected 'cpu-pinned', got ${describe(location)}: there is no other memory`);
  return { type: String(type), data, dims, location };
}

export class CpuTensor {
  readonly type: Tensor.Type;
  readonly dims: readonly number[];
  readonly size: number;
  #data: Data | undefined;
  #location: Tensor.DataLocation;

  constructor(first: unknown, second?: unknown, third?: unknown) {
    const { type, data, dims, location } = readParts(first, second, third);
    this.#data = arrayOf(type, data);
    const extents = dims ?? [this.#data.length];
    this.size = elementsOf('Tensor: dims', extents);
    this.dims = [...(extents as number[])];
    if (this.#data.length !== this.size)
      throw new RangeError(
        `Tensor: expected ${this.size} elements for dims ${shapeText(this.dims)}, got ${this.#data.length}`,
      );
    this.type = type as Tensor.Type;
    this.#location = location;
  }

  get data(): Data {
    if (this.#data === undefined) throw new Error('Tensor: data: the tensor was disposed');
    return this.#data;
  }

  get location(): Tensor.DataLocation {
    return this.#location;
  }

  async getData(_releaseData?: boolean): Promise<Data> {
    return this.data;
  }

  dispose(): void {
    this.#data = undefined;
    this.#location = 'none';
  }

  reshape(dims: readonly number[]): CpuTensor {
    return new CpuTensor(this.type, this.data, dims);
  }

  static fromPinnedBuffer(type: string, data: unknown, dims?: readonly number[]): CpuTensor {
    return new CpuTensor({ location: 'cpu-pinned', type, data, dims });
  }

  static async fromImage(): Promise<never> {
    return elsewhere('fromImage', 'the canvas of a browser');
  }

  [inspect.custom](_depth: number, options: object): string {
    const content = this.#data === undefined ? 'disposed' : inspect(this.#data, { ...options, maxArrayLength: 8 });
    return `Tensor ${this.type} ${shapeText(this.dims)} ${content}`;
  }
}

function elsewhere(name: string, place: string): never {
  throw new TypeError(`Tensor: ${name}: needs ${place}; here tensors live in the processor's memory`);
}

/** Members for tensors in other memory: present, and an error that says so. */
const gpu = 'a graphics device';
for (const name of ['texture', 'gpuBuffer', 'mlTensor'])
  Object.defineProperty(CpuTensor.prototype, name, { get: () => elsewhere(name, gpu) });
for (const name of ['toDataURL', 'toImageData'])
  Object.defineProperty(CpuTensor.prototype, name, { value: () => elsewhere(name, 'the canvas of a browser') });
for (const name of ['fromTexture', 'fromGpuBuffer', 'fromMLTensor'])
  Object.defineProperty(CpuTensor, name, { value: () => elsewhere(name, gpu) });
