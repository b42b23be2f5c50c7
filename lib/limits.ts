/**
 * What a model may cost before it is refused. The bytes of a model are not trusted: a file of a few hundred bytes can ask
 * for terabytes. Everything that a file or an input shape can make large is compared with one of these first.
 */
import { describe, nearest } from './describe.js';
import { LanewiseError } from './errors.js';

/** Options of `loadModel`; every one is a number, `Infinity` for none. */
export interface Limits {
  /** Bytes of the model file, without the files beside it. Default 2 GiB, the most that protobuf can express. */
  readonly maxFileBytes?: number;
  /** What decoding the file may take of the JavaScript heap, estimated beforehand. Default: a quarter of the heap's limit. */
  readonly maxDecodedBytes?: number;
  /** Nodes, those of bodies included. Default 100,000. */
  readonly maxNodes?: number;
  /** Elements of any value of the graph, for the input shapes it is compiled for. Default 2^30. */
  readonly maxTensorElements?: number;
  /** Elements along one axis of any value: plans have tables for some axes. Default 2^24. */
  readonly maxExtent?: number;
  /** Bytes of all constants: those of the file, of files beside it, and those computed from them. Default 8 GiB. */
  readonly maxConstantBytes?: number;
  /** Bytes of activations of one run. Default 4 GiB. */
  readonly maxActivationBytes?: number;
}

export type AllLimits = Readonly<Required<Limits>>;

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Asked for when it is needed: loading `node:v8` takes milliseconds of a cold start. */
let quarterOfHeap: number | undefined;

export const defaultLimits: AllLimits = {
  maxFileBytes: 2 * GiB,
  get maxDecodedBytes() {
    quarterOfHeap ??= Math.floor(process.getBuiltinModule('node:v8').getHeapStatistics().heap_size_limit / 4);
    return quarterOfHeap;
  },
  maxNodes: 100_000,
  maxTensorElements: 2 ** 30,
  maxExtent: 2 ** 24,
  maxConstantBytes: 8 * GiB,
  maxActivationBytes: 4 * GiB,
};

/** Axes of a tensor; not an option, because no operator has a use for more. */
export const maxRank = 32;

const names = Object.keys(defaultLimits) as (keyof Limits)[];

/**
 * The limits an option asks for, the rest being the defaults.
 * @throws TypeError, RangeError when the option is not an object of numbers
 */
export function resolveLimits(where: string, limits: unknown): AllLimits {
  if (limits === undefined) return defaultLimits;
  if (limits === null || typeof limits !== 'object')
    throw new TypeError(`${where}: limits: expected an object of numbers, got ${describe(limits)}`);
  const resolved: Record<keyof Limits, number> = { ...defaultLimits };
  for (const [name, value] of Object.entries(limits) as [keyof Limits, unknown][]) {
    if (!names.includes(name)) {
      const near = nearest(name, names);
      throw new TypeError(
        `${where}: limits: unknown limit '${name}'${near ? ` (did you mean '${near}'?)` : `; known: ${names.join(', ')}`}`,
      );
    }
    if (value === undefined) continue;
    if (typeof value !== 'number')
      throw new TypeError(`${where}: limits.${name}: expected a number, got ${describe(value)}`);
    if (!(value >= 0)) throw new RangeError(`${where}: limits.${name}: expected a number of at least 0, got ${value}`);
    resolved[name] = value;
  }
  return resolved;
}

/**
 * @param what what the value belongs to, as a message begins: `node 'x' (Expand)`
 * @throws LanewiseError ERR_LIMIT
 */
export function checkLimit(limits: AllLimits, name: keyof Limits, value: number, what: string): void {
  if (value <= limits[name]) return;
  throw new LanewiseError(
    'ERR_LIMIT',
    `${what}: ${value} is more than limits.${name}, ${limits[name]}; raise it with loadModel(source, { limits: { ${name}: ... } }) if the model is trusted`,
  );
}

/** Less than a quarter of any heap that Node.js runs with, so not worth asking how large it is. */
const littleHeap = 4 * MiB;

/**
 * @param heap bytes of the JavaScript heap that the file has taken, or will have, by estimate
 * @throws LanewiseError ERR_LIMIT
 */
export function checkDecodedHeap(limits: AllLimits, heap: number): void {
  if (limits === defaultLimits && heap <= littleHeap) return;
  checkLimit(limits, 'maxDecodedBytes', heap, 'the model: bytes of heap to decode it');
}

/** Adds up the bytes of constants and refuses the one that is too many. */
export class ConstantBudget {
  readonly #limits: AllLimits;
  #bytes = 0;

  constructor(limits: AllLimits) {
    this.#limits = limits;
  }

  /** Asked before the memory is. */
  take(bytes: number, what: string): void {
    this.#bytes += bytes;
    checkLimit(this.#limits, 'maxConstantBytes', this.#bytes, `${what}: bytes of constants`);
  }

  /** Whether that much more would still be allowed. */
  allows(bytes: number): boolean {
    return this.#bytes + bytes <= this.#limits.maxConstantBytes;
  }
}
