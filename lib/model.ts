/**
 * Models: an ONNX file, compiled for the shapes it is run with. Over 400 lines: half of them are the options, their docs
 * and their checks; plans and queue are in runtime/.
 */
import { describe, nearest } from './describe.js';
import { LanewiseError } from './errors.js';
import { checkFeed, resultOf } from './feeds.js';
import { simplifying } from './graph/compile.js';
import type { Dim, ElementType, Graph } from './graph/ir.js';
import { type Limits, resolveLimits } from './limits.js';
import { type Isa, type NativeArray, type NativeStopToken, type NativeWeightFile, native } from './native.js';
import { callNative, explainMemory, publicError } from './native-error.js';
import { stoppable } from './native-job.js';
import { externalDataIn } from './onnx/external-data.js';
import { reading } from './onnx/read.js';
import { Profile } from './profile.js';
import { CallSite } from './runtime/call-site.js';
import { type CompiledPlan, type ModelMemory, type ModelReport, PlanCache, type ReadyRun } from './runtime/plans.js';
import { type ModelStats, RunQueue } from './runtime/queue.js';
import { type ModelSource, openSource } from './source.js';
import { StagedValues } from './stages.js';
import { type DataType, Tensor } from './tensor.js';
import { inTurns } from './work.js';

export type { ModelMemory, ModelReport } from './runtime/plans.js';
export type { ModelStats } from './runtime/queue.js';

/** An input or output as the model declares it; a name stands for an extent that the first run binds. */
export interface ModelPort {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

export interface LoadOptions {
  /** Threads per run; default: `setThreads`, `LANEWISE_THREADS`, or the processors available. */
  readonly threads?: number;
  /** Forces an instruction set; one that is not there is an error. `amx` is used only where it is asked for. */
  readonly isa?: Isa;
  /**
   * `fast` (default) may compute 3x3 convolutions by Winograd's algorithm, 1x1 ones by Strassen's, and dense ones, with
   * `isa: 'amx'`, on a matrix unit with float32 factors in three bfloat16 parts; all with a rounding error of the same
   * order as the direct form's, and NaN where an infinite element comes in; weights in front of SiLU take a factor of it
   * and are rounded once more. `strict`: convolution, scaling and pooling add in the order of their definition, with the
   * same bits on AVX2, AVX-512 and NEON.
   */
  readonly numerics?: 'fast' | 'strict';
  /** Compiles for these input shapes at once, so that the first run need not. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Files of weights, by the path that the model names; for others the folder of the model is searched. */
  readonly externalData?: Readonly<Record<string, Uint8Array>>;
  /** Runs under way at once (default: one per thread of the library, {@link cpuInfo}). Others wait, first come, first served. */
  readonly maxConcurrency?: number;
  /** Runs that may wait (default 1024); one more is an ERR_BUSY. A run that waits holds a copy of its inputs. */
  readonly maxQueue?: number;
  /** What the model may cost before it is refused with ERR_LIMIT: see {@link Limits} for the defaults. */
  readonly limits?: Limits;
  /** Ends loading; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface RunOptions {
  /** Ends the run: the promise is rejected with the signal's reason at once, its threads are free after the layer at hand. */
  readonly signal?: AbortSignal;
  /** Names of the outputs wanted; all by default. */
  readonly outputs?: readonly string[];
  /** Times every step of this run, and is called with the result before the promise is settled. */
  readonly onProfile?: (profile: Profile) => void;
}

/** By input; of the type that the model declares (float32 for floats of every width). */
export type Feeds = Readonly<Record<string, Tensor<DataType>>>;
/** By output. The elements are float32 unless the model says otherwise: `Results<'int64'>` for one that only gives indices. */
export type Results<T extends DataType = 'float32'> = Record<string, Tensor<T>>;

/** Runs that wait for one model, unless `maxQueue` says otherwise. */
const defaultMaxQueue = 1024;

const loadOptionNames = [
  'threads',
  'isa',
  'numerics',
  'inputShapes',
  'externalData',
  'maxConcurrency',
  'maxQueue',
  'limits',
  'signal',
] as const;
const runOptionNames = ['signal', 'outputs', 'onProfile'] as const;

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

function checkSignal(where: string, signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`${where}: signal: expected an AbortSignal, got ${describe(signal)}`);
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

function checkExternalData(files: unknown): void {
  if (files === null || typeof files !== 'object')
    throw new TypeError(`loadModel: externalData: expected an object of files, got ${describe(files)}`);
  for (const [path, bytes] of Object.entries(files)) {
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`loadModel: externalData: '${path}': expected a Uint8Array, got ${describe(bytes)}`);
  }
}

/** Values of an input that nobody else can change. */
function copyOf(where: string, tensor: Tensor<DataType>): Tensor<DataType> {
  const { type, data, shape } = tensor;
  try {
    return new Tensor(type, data.slice(), shape);
  } catch (cause) {
    throw new LanewiseError('ERR_OUT_OF_MEMORY', `${where}: no memory for a copy of ${data.byteLength} bytes`, {
      cause,
    });
  }
}

/** What {@link loadModel} makes a model of. */
export interface ModelParts {
  readonly graph: Pick<Graph, 'inputs' | 'outputs'>;
  readonly plans: PlanCache;
  readonly queue: RunQueue;
  readonly threads: number | undefined;
}

/** A loaded model. Runs may overlap; each has its own memory. */
export class Model {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  #plans: PlanCache | undefined;
  readonly #queue: RunQueue;
  readonly #threads: number | undefined;

  /** Use {@link loadModel}. */
  constructor({ graph, plans, queue, threads }: ModelParts) {
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.#plans = plans;
    this.#queue = queue;
    this.#threads = threads;
  }

  /**
   * Runs the model off the event loop. Inputs are copied before this returns; outputs are new tensors. New input shapes
   * are compiled for first, off the event loop too.
   * @throws TypeError, RangeError for feeds that do not fit; LanewiseError ERR_UNSUPPORTED_OPERATOR naming every
   *   node that cannot run; ERR_BUSY when `maxQueue` runs are waiting; ERR_DISPOSED; the signal's reason when it is
   *   aborted
   */
  async run(feeds: Feeds, options: RunOptions = {}): Promise<Results> {
    checkOptions('run', options, runOptionNames);
    const { signal, onProfile } = options;
    checkSignal('run', signal);
    if (onProfile !== undefined && typeof onProfile !== 'function')
      throw new TypeError(`run: onProfile: expected a function, got ${describe(onProfile)}`);
    const tensors = this.#check('run', feeds);
    const wanted = this.#wanted(options.outputs);
    signal?.throwIfAborted();
    if (!signal && !onProfile && this.#queue.isFree) {
      const ready = this.#live('run').ready(tensors);
      if (ready) return this.#queue.runNow(() => this.#launch(ready, wanted));
    }
    const site = new CallSite(this.run);
    if (!onProfile) {
      return this.#start('run', site, tensors, signal, async (compiled, arrays, stop) =>
        this.#results(compiled, await compiled.plan.run(arrays, this.#threads, stop, false), wanted),
      );
    }
    const timed = await this.#start('run', site, tensors, signal, async (compiled, arrays, stop) => {
      const { steps } = compiled.plan; // it may have left the cache by the time the run is over
      const { outputs, stepMs } = await compiled.plan.run(arrays, this.#threads, stop, true);
      return { results: this.#results(compiled, outputs, wanted), profile: new Profile(steps, stepMs) };
    });
    onProfile(timed.profile);
    return timed.results;
  }

  /** {@link run} on the calling thread, which it blocks, also to compile; the other threads of the pool help. Never waits in the queue. */
  runSync(feeds: Feeds, options: Pick<RunOptions, 'outputs'> = {}): Results {
    checkOptions('runSync', options, ['outputs']);
    const tensors = this.#check('runSync', feeds);
    const wanted = this.#wanted(options.outputs);
    const plans = this.#live('runSync');
    return this.#queue.runSync(() => {
      const { compiled, arrays } = plans.ready(tensors) ?? this.#lastStageSync('runSync', plans, tensors);
      const outputs = callNative('runSync', () => compiled.plan.runSync(arrays, undefined, this.#threads));
      return this.#results(compiled, outputs, wanted);
    });
  }

  /** Runs once and times every step. The first run after loading also pays for cold memory: run once before you profile. */
  async profile(feeds: Feeds): Promise<Profile> {
    const tensors = this.#check('profile', feeds);
    const site = new CallSite(this.profile);
    return this.#start('profile', site, tensors, undefined, async ({ plan }, arrays) => {
      const { steps } = plan; // it may have left the cache by the time the run is over
      const { stepMs } = await plan.run(arrays, this.#threads, undefined, true);
      return new Profile(steps, stepMs);
    });
  }

  /** {@link profile} on the calling thread, which it blocks. */
  profileSync(feeds: Feeds): Profile {
    const tensors = this.#check('profileSync', feeds);
    const plans = this.#live('profileSync');
    return this.#queue.runSync(() => {
      const { compiled, arrays } = this.#lastStageSync('profileSync', plans, tensors);
      const { plan } = compiled;
      const stepMs = new Float64Array(plan.steps.length);
      const clocks = new Float64Array(plan.steps.length);
      callNative('profileSync', () => plan.runSync(arrays, undefined, this.#threads, stepMs, clocks));
      return new Profile(plan.steps, stepMs, clocks);
    });
  }

  /** What compiling for these input shapes did (fixed extents may be left out). Compiles on this thread if that has not happened yet. */
  report(inputShapes: Readonly<Record<string, readonly number[]>> = {}): ModelReport {
    checkInputShapes('report', inputShapes);
    const compiled = this.#live('report').compileSync(inputShapes);
    if (!('wantedInputs' in compiled)) return compiled.report;
    const names = compiled.wantedInputs.map((name) => `'${name}'`).join(', ');
    throw new RangeError(`report: shapes inside the model hang on the elements of input ${names}`);
  }

  memory(): ModelMemory {
    return this.#live('memory').memory();
  }

  /** What the model is doing, and what it did so far. Also of one that was disposed. */
  stats(): ModelStats {
    return this.#queue.stats();
  }

  /**
   * Frees the model once the runs it has accepted, waiting ones too, are over; every later call is an ERR_DISPOSED. Large
   * memory goes back to the system on another thread, a few milliseconds later.
   */
  dispose(): void {
    const plans = this.#plans;
    this.#plans = undefined;
    if (plans) this.#queue.whenIdle(() => plans.free());
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** {@link dispose}; resolves when the memory is back with the system. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
    await new Promise<void>((resolve) => this.#queue.whenIdle(resolve));
    await stoppable('dispose', undefined, () => native.freed());
  }

  #live(where: string): PlanCache {
    if (!this.#plans) throw new LanewiseError('ERR_DISPOSED', `${where}: the model was disposed`);
    return this.#plans;
  }

  #check(where: string, feeds: Feeds): Tensor<DataType>[] {
    this.#live(where);
    if (feeds === null || typeof feeds !== 'object')
      throw new TypeError(`${where}: feeds: expected an object of tensors, got ${describe(feeds)}`);
    const names = this.inputs.map(({ name }) => name);
    for (const name of Object.keys(feeds)) {
      if (!names.includes(name))
        throw new RangeError(`${where}: the model has no input '${name}'; inputs: ${names.join(', ')}`);
    }
    return this.inputs.map(({ name, type }) => {
      if (!Object.hasOwn(feeds, name))
        throw new TypeError(`${where}: input '${name}' is missing; inputs: ${names.join(', ')}`);
      return checkFeed(where, name, feeds[name], type);
    });
  }

  #byName(tensors: readonly Tensor<DataType>[]): Map<string, Tensor<DataType>> {
    return new Map(tensors.map((tensor, i) => [this.inputs[i]!.name, tensor]));
  }

  #shapes(tensors: readonly Tensor<DataType>[]): Record<string, readonly number[]> {
    return Object.fromEntries(tensors.map(({ shape }, i) => [this.inputs[i]?.name ?? '', shape]));
  }

  /** Runs the stages (lib/stages.ts) before the last one, which is all there is of most models. */
  #lastStageSync(
    where: string,
    plans: PlanCache,
    tensors: readonly Tensor<DataType>[],
  ): { compiled: CompiledPlan; arrays: NativeArray[] } {
    const values = new StagedValues(this.#byName(tensors));
    for (;;) {
      const compiled = plans.compileSync(this.#shapes(tensors), values.known);
      if ('wantedInputs' in compiled) {
        values.bind(compiled.wantedInputs);
        continue;
      }
      const arrays = values.arraysFor(compiled);
      if (!compiled.isPartial) return { compiled, arrays };
      values.learn(
        compiled,
        callNative(where, () => compiled.plan.runSync(arrays, undefined, this.#threads)),
      );
    }
  }

  /** An error of such a run shows those that await it, by V8's means: a CallSite for each run would take a tenth of a millisecond. */
  async #launch({ compiled, arrays }: ReadyRun, wanted: ReadonlySet<string> | undefined): Promise<Results> {
    try {
      return this.#results(compiled, await compiled.plan.run(arrays, this.#threads, undefined, false), wanted);
    } catch (cause) {
      throw publicError(cause, 'run');
    }
  }

  /** Takes its turn in the queue, compiles if need be, and runs. */
  #start<R>(
    where: string,
    site: CallSite,
    tensors: readonly Tensor<DataType>[],
    signal: AbortSignal | undefined,
    launch: (compiled: CompiledPlan, arrays: NativeArray[], stop: NativeStopToken | undefined) => Promise<R>,
  ): Promise<R> {
    const plans = this.#live(where);
    const shapes = this.#shapes(tensors);
    // A run that begins at once copies its inputs where it needs them; any other must not see them change.
    const isReady = this.#queue.isFree && plans.ready(tensors) !== undefined;
    const values = new StagedValues(this.#byName(isReady ? tensors : tensors.map((tensor) => copyOf(where, tensor))));
    const start = async (stop?: NativeStopToken): Promise<R> => {
      try {
        for (;;) {
          const compiled = plans.find(shapes, values.known) ?? (await plans.compile(shapes, values.known));
          if ('wantedInputs' in compiled) {
            values.bind(compiled.wantedInputs);
            continue;
          }
          const arrays = values.arraysFor(compiled);
          try {
            if (!compiled.isPartial) return await launch(compiled, arrays, stop);
            values.learn(compiled, await compiled.plan.run(arrays, this.#threads, stop, false));
          } catch (cause) {
            throw publicError(cause, where);
          }
        }
      } catch (cause) {
        throw site.extend(explainMemory(cause, where));
      }
    };
    return this.#queue.run(where, start, signal);
  }

  /** @returns undefined for all */
  #wanted(names: readonly string[] | undefined): ReadonlySet<string> | undefined {
    if (names === undefined) return undefined;
    const all = this.outputs.map(({ name }) => name);
    if (!Array.isArray(names)) throw new TypeError(`run: outputs: expected an array of names, got ${describe(names)}`);
    for (const name of names as unknown[]) {
      if (!all.includes(name as string))
        throw new RangeError(`run: the model has no output ${describe(name)}; outputs: ${all.join(', ')}`);
    }
    return new Set(names);
  }

  #results(compiled: CompiledPlan, arrays: readonly NativeArray[], wanted: ReadonlySet<string> | undefined): Results {
    const results: [string, Tensor][] = [];
    for (const [i, { name, type, shape }] of compiled.outputs.entries()) {
      // The type parameter of Results is the caller's word for what the model gives.
      if (!wanted || wanted.has(name)) results.push([name, resultOf(type, arrays[i]!, shape) as Tensor]);
    }
    // Not by assignment: an output may be named __proto__.
    return Object.fromEntries(results);
  }
}

function checkCount(name: string, value: unknown, least: number, most: number): void {
  if (value !== undefined && (!Number.isInteger(value) || (value as number) < least || (value as number) > most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new RangeError(`loadModel: ${name}: expected an integer ${range}, got ${describe(value)}`);
  }
}

/** Everything about the options that can be wrong without a model. */
function checkLoadOptions(options: LoadOptions): void {
  checkOptions('loadModel', options, loadOptionNames);
  const { threads, isa, numerics, maxConcurrency, maxQueue, signal } = options;
  checkCount('threads', threads, 1, 64);
  checkCount('maxConcurrency', maxConcurrency, 1, Number.MAX_SAFE_INTEGER);
  checkCount('maxQueue', maxQueue, 0, Number.MAX_SAFE_INTEGER);
  checkSignal('loadModel', signal);
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
  if (options.externalData !== undefined) checkExternalData(options.externalData);
}

/**
 * Loads an ONNX model (operator sets 7 and newer). The event loop stays free: decoding and graph passes work in turns of
 * about a millisecond, weights are packed on threads of the library.
 * @param source path, file URL, or the bytes of the file, which must not change until the promise is settled; external
 *   data is looked up in the option, then beside the file. Large weights are read from a file when they are packed: if its
 *   shapes are open it stays open until the model is disposed of, and may be replaced or removed but not written to
 * @throws LanewiseError ERR_MODEL_FORMAT when the file is not a complete, consistent model,
 *   ERR_LIMIT when it asks for more than `limits` allow, ERR_UNSUPPORTED_OPERATOR (here when all shapes are known, else on the first run) naming every node that cannot run;
 *   the signal's reason when it is aborted
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  // Read once: a getter may give another value the second time.
  if (options !== null && typeof options === 'object') options = { ...options };
  checkLoadOptions(options);
  const { threads, isa, numerics, inputShapes, maxConcurrency, maxQueue, signal } = options;
  const limits = resolveLimits('loadModel', options.limits);
  signal?.throwIfAborted();
  const site = new CallSite(loadModel);
  let file: NativeWeightFile | undefined;
  let plans: PlanCache | undefined;
  try {
    const opened = await openSource('loadModel', source, limits, signal);
    const { bytes, beside, stored } = opened;
    file = stored?.file;
    const externalData = externalDataIn(options.externalData ?? {}, beside);
    const read = await inTurns(reading(bytes, { externalData, stored, limits }), signal);
    const { graph, report } = await inTurns(simplifying(read, { fold: native, limits }), signal);
    plans = new PlanCache(graph, report, { threads, isa, numerics, limits, file });
    const isFixed = graph.inputs.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));
    if (inputShapes || isFixed) await plans.compile(inputShapes ?? {}, undefined, signal);
    const queue = new RunQueue({
      maxConcurrency: maxConcurrency ?? native.cpuInfo().threads,
      maxQueue: maxQueue ?? defaultMaxQueue,
    });
    return new Model({ graph: read, plans, queue, threads });
  } catch (cause) {
    plans?.free();
    file?.close();
    signal?.throwIfAborted();
    throw site.extend(explainMemory(cause, 'loadModel'));
  }
}
