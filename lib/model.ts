/** Models: an ONNX file, compiled for the shapes it is run with. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, nearest } from './describe.js';
import { LanewiseError } from './errors.js';
import { compileForShapes, simplifyGraph } from './graph/compile.js';
import { planCost } from './graph/cost.js';
import type { Dim, ElementType, Graph } from './graph/ir.js';
import type { PassReport } from './graph/passes/pass.js';
import { type Isa, type NativePlan, type NativeStopToken, native } from './native.js';
import { callNative, publicError } from './native-error.js';
import { externalDataBeside } from './onnx/external-data.js';
import { readModel } from './onnx/read.js';
import { Profile } from './profile.js';
import { checkFloat32, Tensor } from './tensor.js';

/** An input or output as the model declares it; a name stands for an extent that the first run binds. */
export interface ModelPort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

export interface LoadOptions {
  /** Threads per run; default: `setThreads`, `LANEWISE_THREADS`, or the processors available. */
  readonly threads?: number;
  /** Forces an instruction set; one that is not there is an error. */
  readonly isa?: Isa;
  /**
   * `fast` (default) may compute 3x3 convolutions by Winograd's algorithm, with a rounding error of the same order as the
   * direct form's. `strict`: convolution, scaling and pooling add in the order of their definition, with the same bits
   * on AVX2, AVX-512 and NEON.
   */
  readonly numerics?: 'fast' | 'strict';
  /** Compiles for these input shapes at once, so that the first run need not. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
}

export interface RunOptions {
  /** Ends the run between two layers; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Names of the outputs wanted; all by default. */
  readonly outputs?: readonly string[];
}

export type Feeds = Readonly<Record<string, Tensor>>;
export type Results = Record<string, Tensor>;

/** What compiling did, for one set of input shapes. */
export interface ModelReport {
  /** Nodes in the file, and in the graph that was lowered. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** Nodes that each pass took out. */
  readonly removed: Readonly<Record<string, number>>;
  /** Steps of the native plan, conversions included. */
  readonly steps: number;
  readonly macs: number;
  /** Elements of constants. */
  readonly parameters: number;
  readonly isa: Isa;
  readonly threads: number;
}

export interface ModelMemory {
  /** Weights as the file holds them, after folding. */
  readonly weightBytes: number;
  /** Weights as the kernels read them. */
  readonly packedBytes: number;
  /** Activations of each compiled set of input shapes, per run in flight. */
  readonly activationBytes: Readonly<Record<string, number>>;
}

interface CompiledPlan {
  readonly plan: NativePlan;
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly report: ModelReport;
}

/** Plans kept per model. A plan is a list of steps and its activations; packed weights are shared and not counted here. */
const maxPlans = 8;

const loadOptionNames = ['threads', 'isa', 'numerics', 'inputShapes'] as const;
const runOptionNames = ['signal', 'outputs'] as const;

function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === null || typeof options !== 'object')
    throw new TypeError(`${where}: options: expected an object, got ${describe(options)}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw new TypeError(
      `${where}: unknown option '${name}'${near ? ` (did you mean '${near}'?)` : `; known: ${known.join(', ')}`}`,
    );
  }
}

function checkInputShapes(where: string, shapes: unknown): void {
  const name = `${where}: inputShapes`;
  if (shapes === null || typeof shapes !== 'object')
    throw new TypeError(`${name}: expected an object of shapes, got ${describe(shapes)}`);
  for (const [input, shape] of Object.entries(shapes) as [string, unknown][]) {
    if (!Array.isArray(shape))
      throw new TypeError(`${name}: '${input}': expected an array of extents, got ${describe(shape)}`);
    const stranger = (shape as unknown[]).find((extent) => typeof extent !== 'number');
    if (stranger !== undefined)
      throw new TypeError(`${name}: '${input}': expected extents that are numbers, got ${describe(stranger)}`);
  }
}

/** A loaded model. Runs may overlap; each has its own memory. */
export class Model {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  #graph: Graph | undefined;
  readonly #simplified: PassReport;
  readonly #options: LoadOptions;
  readonly #weights = new native.Weights();
  /** Least recently used first. */
  readonly #plans = new Map<string, CompiledPlan>();
  /** Constants of the simplified graph: those that plans of different shapes share. */
  readonly #constantIds: ReadonlyMap<unknown, number>;

  /** Use {@link loadModel}. */
  constructor(graph: Graph, options: LoadOptions) {
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.#options = options;
    const { graph: simplified, report } = simplifyGraph(graph, { fold: native });
    this.#graph = simplified;
    this.#simplified = report;
    this.#constantIds = new Map([...simplified.constants.values()].map(({ data }, id) => [data, id]));
    const fixed = graph.inputs.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));
    if (options.inputShapes) this.#compile(options.inputShapes);
    else if (fixed) this.#compile({});
  }

  /**
   * Runs the model off the event loop. Inputs are copied before this returns; outputs are new tensors.
   * @throws TypeError, RangeError for feeds that do not fit; LanewiseError ERR_UNSUPPORTED_OPERATOR naming every
   *   node that cannot run; ERR_DISPOSED; the signal's reason when it is aborted
   */
  async run(feeds: Feeds, options: RunOptions = {}): Promise<Results> {
    checkOptions('run', options, runOptionNames);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw new TypeError(`run: signal: expected an AbortSignal, got ${describe(signal)}`);
    const { compiled, arrays } = this.#prepare('run', feeds);
    const wanted = this.#wanted(options.outputs);
    signal?.throwIfAborted();
    const stop = signal ? new native.StopToken() : undefined;
    const outputs = await this.#settle(signal, stop, () =>
      compiled.plan.run(arrays, this.#options.threads, stop, false),
    );
    return this.#results(compiled, outputs, wanted);
  }

  /** {@link run} on the calling thread, which it blocks; the other threads of the pool help. */
  runSync(feeds: Feeds, options: Omit<RunOptions, 'signal'> = {}): Results {
    checkOptions('runSync', options, ['outputs']);
    const { compiled, arrays } = this.#prepare('runSync', feeds);
    const wanted = this.#wanted(options.outputs);
    try {
      return this.#results(compiled, compiled.plan.runSync(arrays, undefined, this.#options.threads), wanted);
    } catch (cause) {
      throw publicError(cause, 'runSync');
    }
  }

  /** Runs once and times every step. The first run after loading also pays for cold memory: run once before you profile. */
  async profile(feeds: Feeds): Promise<Profile> {
    const { compiled, arrays } = this.#prepare('profile', feeds);
    const { steps } = compiled.plan; // the model may be disposed by the time the run is over
    const { stepMs } = await this.#settle(undefined, undefined, () =>
      compiled.plan.run(arrays, this.#options.threads, undefined, true),
    );
    return new Profile(steps, stepMs);
  }

  /** What compiling for these input shapes did (fixed extents may be left out). Compiles if that has not happened yet. */
  report(inputShapes: Readonly<Record<string, readonly number[]>> = {}): ModelReport {
    checkInputShapes('report', inputShapes);
    return this.#compile(inputShapes).report;
  }

  memory(): ModelMemory {
    const graph = this.#live('memory');
    const activationBytes = Object.fromEntries([...this.#plans].map(([key, { plan }]) => [key, plan.arenaBytes]));
    const weightBytes = [...graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    return { weightBytes, packedBytes: this.#weights.bytes, activationBytes };
  }

  /** Frees the model. Runs in flight finish; every later call is an ERR_DISPOSED. */
  dispose(): void {
    this.#graph = undefined;
    for (const { plan } of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#weights.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(where: string): Graph {
    if (!this.#graph) throw new LanewiseError('ERR_DISPOSED', `${where}: the model was disposed`);
    return this.#graph;
  }

  #prepare(where: string, feeds: Feeds): { compiled: CompiledPlan; arrays: Float32Array[] } {
    this.#live(where);
    if (feeds === null || typeof feeds !== 'object')
      throw new TypeError(`${where}: feeds: expected an object of tensors, got ${describe(feeds)}`);
    const names = this.inputs.map(({ name }) => name);
    for (const name of Object.keys(feeds)) {
      if (!names.includes(name))
        throw new RangeError(`${where}: the model has no input '${name}'; inputs: ${names.join(', ')}`);
    }
    const tensors = this.inputs.map(({ name }) => {
      if (!Object.hasOwn(feeds, name))
        throw new TypeError(`${where}: input '${name}' is missing; inputs: ${names.join(', ')}`);
      return checkFloat32(where, `input '${name}'`, feeds[name]);
    });
    const compiled = this.#compile(Object.fromEntries(tensors.map(({ shape }, i) => [names[i] ?? '', shape])));
    return { compiled, arrays: tensors.map(({ data }) => data) };
  }

  #wanted(names: readonly string[] | undefined): ReadonlySet<string> {
    const all = this.outputs.map(({ name }) => name);
    if (names === undefined) return new Set(all);
    if (!Array.isArray(names)) throw new TypeError(`run: outputs: expected an array of names, got ${describe(names)}`);
    for (const name of names as unknown[]) {
      if (!all.includes(name as string))
        throw new RangeError(`run: the model has no output ${describe(name)}; outputs: ${all.join(', ')}`);
    }
    return new Set(names);
  }

  #compile(inputShapes: Readonly<Record<string, readonly number[]>>): CompiledPlan {
    const graph = this.#live('run');
    const shapes = { ...Object.fromEntries(this.inputs.map(({ name, shape }) => [name, shape])), ...inputShapes };
    const key = Object.entries(shapes)
      .map(([name, shape]) => `${name}: ${shape.join('x')}`)
      .join(', ');
    const known = this.#plans.get(key);
    if (known) {
      this.#plans.delete(key);
      this.#plans.set(key, known);
      return known;
    }
    const {
      plan: spec,
      outputs,
      report,
    } = compileForShapes(graph, inputShapes, { fold: native, before: this.#simplified });
    const values = spec.values.map((value) => {
      const id = value.data && this.#constantIds.get(value.data);
      return id === undefined ? value : { ...value, id };
    });
    const threads = this.#options.threads ?? native.cpuInfo().threads;
    let plan: NativePlan;
    try {
      const strict = this.#options.numerics === 'strict';
      plan = new native.Plan({ ...spec, values }, this.#weights, this.#options.isa, { threads, strict });
    } catch (cause) {
      throw publicError(cause, 'compile');
    }
    const compiled = {
      plan,
      outputs,
      report: { ...report, ...planCost(spec), steps: plan.steps.length, isa: plan.isa, threads },
    };
    this.#plans.set(key, compiled);
    const oldest = this.#plans.entries().next().value;
    if (this.#plans.size > maxPlans && oldest) {
      this.#plans.delete(oldest[0]);
      oldest[1].plan.dispose(); // runs in flight keep it until they are done
    }
    return compiled;
  }

  /** Awaits a native run; an abort stops it between steps and wins over its outcome. */
  async #settle<R>(
    signal: AbortSignal | undefined,
    stop: NativeStopToken | undefined,
    start: () => Promise<R>,
  ): Promise<R> {
    const abort = () => stop?.stop();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const result = await start();
      signal?.throwIfAborted();
      return result;
    } catch (cause) {
      signal?.throwIfAborted();
      throw publicError(cause, 'run');
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #results(compiled: CompiledPlan, arrays: readonly Float32Array[], wanted: ReadonlySet<string>): Results {
    const results: Results = {};
    for (const [i, { name, shape }] of compiled.outputs.entries()) {
      const data = arrays[i];
      if (data && wanted.has(name)) results[name] = new Tensor('float32', data, shape);
    }
    return results;
  }
}

/**
 * Loads an ONNX model (operator sets 7 and newer).
 * @param source path, file URL, or the bytes of the file; external data is looked up beside the file
 * @throws LanewiseError ERR_MODEL_FORMAT when the file is not a complete, consistent model,
 *   ERR_UNSUPPORTED_OPERATOR (here when all shapes are known, else on the first run) naming every node that cannot run
 */
export async function loadModel(
  source: string | URL | Uint8Array | ArrayBuffer,
  options: LoadOptions = {},
): Promise<Model> {
  checkOptions('loadModel', options, loadOptionNames);
  const { threads, isa, numerics } = options;
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1 || threads > 64)) {
    throw new RangeError(`loadModel: threads: expected an integer from 1 to 64, got ${describe(threads)}`);
  }
  if (numerics !== undefined && numerics !== 'fast' && numerics !== 'strict') {
    throw new RangeError(`loadModel: numerics: expected 'fast' or 'strict', got ${describe(numerics)}`);
  }
  const { detected } = callNative('loadModel', () => native.cpuInfo());
  if (isa !== undefined && !detected.includes(isa)) {
    throw new LanewiseError(
      'ERR_ISA_UNAVAILABLE',
      `loadModel: isa: expected one of ${detected.join(', ')}, got ${describe(isa)}`,
    );
  }
  if (options.inputShapes !== undefined) checkInputShapes('loadModel', options.inputShapes);
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    if (source.byteLength === 0)
      throw new LanewiseError('ERR_MODEL_FORMAT', 'loadModel: source: no bytes (empty, or its buffer is detached)');
    // A copy: weights stay views of the bytes, which the caller is free to change.
    return new Model(readModel(new Uint8Array(source)), options);
  }
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new TypeError(`loadModel: source: expected a path, a file URL or bytes, got ${describe(source)}`);
  }
  const file = source instanceof URL || source.startsWith('file:') ? fileURLToPath(source) : source;
  return new Model(readModel(await readFile(file), { externalData: externalDataBeside(file) }), options);
}
