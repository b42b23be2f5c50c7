/** onnxruntime's `InferenceSession` over `loadModel`. */
import { describe, shapeText } from '../describe.js';
import { LanewiseError } from '../errors.js';
import { loadModel, type Model, type ModelPort } from '../model.js';
import type { DataType, Tensor as ModelTensor } from '../tensor.js';
import { checkRunOptions, sessionSettings } from './options.js';
import { deliver, readFeeds, readFetches } from './run-arguments.js';
import type * as Types from './session-types.js';
import { TraceFile } from './trace-file.js';

type Extents = Readonly<Record<string, number>>;

/** Named extents that an option fixes are numbers; those that the reader had to name itself have no name. */
function metadataOf({ name, type, shape }: ModelPort, extents: Extents): Types.TensorValueMetadata {
  const known = shape.map((extent, axis) => {
    if (typeof extent === 'number') return extent;
    return extents[extent] ?? (extent === `${name}.${axis}` ? '' : extent);
  });
  return { name, isTensor: true, type, shape: known };
}

/** The bytes of `create(buffer, byteOffset, byteLength, options)`, and where the options are. */
function readSource(args: readonly unknown[]): { source: string | Uint8Array; options: unknown } {
  const [source, second, length, last] = args;
  if (typeof source === 'string' || source instanceof Uint8Array) return { source, options: second };
  if (!(source instanceof ArrayBuffer || source instanceof SharedArrayBuffer))
    throw new TypeError(`InferenceSession.create: expected a path or bytes, got ${describe(source)}`);
  if (typeof second !== 'number') return { source: new Uint8Array(source), options: second };
  const rest = source.byteLength - second;
  if (!Number.isSafeInteger(second) || second < 0 || rest <= 0)
    throw new RangeError(
      `InferenceSession.create: byteOffset: expected an integer from 0 to ${source.byteLength - 1}, got ${second}`,
    );
  if (length !== undefined && typeof length !== 'number')
    throw new TypeError(`InferenceSession.create: byteLength: expected a number, got ${describe(length)}`);
  if (length !== undefined && !(Number.isSafeInteger(length) && length > 0 && length <= rest))
    throw new RangeError(`InferenceSession.create: byteLength: expected an integer from 1 to ${rest}, got ${length}`);
  return { source: new Uint8Array(source, second, length ?? rest), options: last };
}

/** A loaded model. Runs may overlap; each has its own memory. */
export class InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly Types.ValueMetadata[];
  readonly outputMetadata: readonly Types.ValueMetadata[];
  readonly #model: Model;
  readonly #extents: Extents;
  #trace: TraceFile | undefined;

  private constructor(model: Model, extents: Extents, trace: TraceFile | undefined) {
    this.#model = model;
    this.#extents = extents;
    this.#trace = trace;
    this.inputMetadata = model.inputs.map((port) => metadataOf(port, extents));
    this.outputMetadata = model.outputs.map((port) => metadataOf(port, extents));
    this.inputNames = model.inputs.map(({ name }) => name);
    this.outputNames = model.outputs.map(({ name }) => name);
  }

  /**
   * Loads an ONNX model from a path, or from bytes, which are copied.
   * @throws what `loadModel` throws; TypeError, RangeError for an option that cannot be honoured, naming it
   */
  static create(path: string, options?: Types.SessionOptions): Promise<InferenceSession>;
  static create(bytes: Uint8Array, options?: Types.SessionOptions): Promise<InferenceSession>;
  static create(buffer: ArrayBufferLike, options?: Types.SessionOptions): Promise<InferenceSession>;
  static create(
    buffer: ArrayBufferLike,
    byteOffset: number,
    byteLength?: number,
    options?: Types.SessionOptions,
  ): Promise<InferenceSession>;
  static async create(...args: readonly unknown[]): Promise<InferenceSession> {
    const { source, options = {} } = readSource(args);
    const { load, extents, profilePrefix } = await sessionSettings('InferenceSession.create', options);
    const model = await loadModel(source, load);
    return new InferenceSession(model, extents, profilePrefix === undefined ? undefined : new TraceFile(profilePrefix));
  }

  /**
   * Runs the model off the event loop.
   * @param feeds tensors by the name of their input; other names are ignored
   * @param fetches the outputs wanted; all by default
   * @returns new tensors, or those given in `fetches`
   * @throws TypeError, RangeError for arguments that do not fit; LanewiseError ERR_DISPOSED after `release`, ERR_ABORTED
   *   with `terminate`; the signal's reason
   */
  run(feeds: Types.Feeds, options?: Types.RunOptions): Promise<Types.OnnxValueMapType>;
  run(feeds: Types.Feeds, fetches: Types.Fetches, options?: Types.RunOptions): Promise<Types.OnnxValueMapType>;
  async run(feeds: unknown, second?: unknown, third?: unknown): Promise<Types.OnnxValueMapType> {
    const { fetches, options } = readFetches(this.outputNames, second, third);
    const { signal, terminate } = checkRunOptions('run', options);
    const tensors = readFeeds(this.inputNames, feeds);
    this.#checkExtents(tensors);
    if (terminate) throw new LanewiseError('ERR_ABORTED', 'run: ended by its option terminate');
    const start = performance.now();
    const trace = this.#trace;
    const results = await this.#model.run(tensors as never, {
      outputs: [...fetches.keys()],
      ...(signal && { signal }),
      ...(trace && { onProfile: (profile) => trace.add(profile, start) }),
    });
    return Object.fromEntries([...fetches].map(([name, place]) => [name, deliver(name, results[name]!, place)]));
  }

  /** Frees the model. Runs in flight finish, later ones are ERR_DISPOSED. Writes the trace file of a session with profiling. */
  async release(): Promise<void> {
    this.endProfiling();
    this.#model.dispose();
  }

  /** Times every step of the runs from here on; with the option `enableProfiling` it is on from the start. */
  startProfiling(): void {
    this.#trace ??= new TraceFile('lanewise_profile');
  }

  /** Writes the trace file, if profiling is on, and turns it off. */
  endProfiling(): void {
    this.#trace?.write();
    this.#trace = undefined;
  }

  #checkExtents(tensors: Readonly<Record<string, ModelTensor<DataType>>>): void {
    for (const { name, shape } of this.#model.inputs) {
      const got = tensors[name]!.shape;
      shape.forEach((extent, axis) => {
        const fixed = typeof extent === 'string' ? this.#extents[extent] : undefined;
        if (fixed !== undefined && got.length === shape.length && got[axis] !== fixed)
          throw new RangeError(
            `run: input '${name}': expected '${extent}' to be ${fixed}, as freeDimensionOverrides has it, got shape ${shapeText(got)}`,
          );
      });
    }
  }
}

export declare namespace InferenceSession {
  export type OnnxValueMapType = Types.OnnxValueMapType;
  export type NullableOnnxValueMapType = Types.NullableOnnxValueMapType;
  export type FeedsType = Types.OnnxValueMapType;
  export type FetchesType = Types.FetchesType;
  export type ReturnType = Types.OnnxValueMapType;
  export type SessionOptions = Types.SessionOptions;
  export type RunOptions = Types.RunOptions;
  export type ExecutionProviderConfig = Types.ExecutionProviderConfig;
  export type ExecutionProviderOption = Types.ExecutionProviderOption;
  export type ValueMetadata = Types.ValueMetadata;
  export type TensorValueMetadata = Types.TensorValueMetadata;
  export type NonTensorValueMetadata = Types.NonTensorValueMetadata;
}
export type InferenceSessionFactory = typeof InferenceSession;
