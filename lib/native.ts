/** The one file that loads the addon; everything native that the rest of the library uses is typed here. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LanewiseError } from './errors.js';
import type { WeightAlgebra } from './fold/algebra.js';
import type { WeightFile } from './graph/ir.js';
import type { PlanSpec } from './graph/plan-spec.js';

export type Isa = 'scalar' | 'avx2' | 'avx512' | 'amx' | 'neon';

/** One step of a native plan, as a profile shows it. */
export interface NativeStep {
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  readonly macs: number;
  readonly bytes: number;
  readonly items: number;
  readonly threads: number;
}

/** Packed constants shared by the plans of one model. */
export interface NativeWeights {
  readonly bytes: number;
  clear(): void;
}

/** What a model file holds but for its large weights. */
export interface FileStructure {
  /** One behind the other, but for what was left out. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** First byte and end, in the file, of each part that was, in their order. */
  readonly gaps: Float64Array;
}

/** A model file, by a duplicate of its descriptor or as a copy of its bytes; the garbage collector closes it if nobody does. */
export interface NativeWeightFile extends WeightFile {
  /** Of a copy, before anything reads it. */
  write(offset: number, from: Uint8Array): void;
  /** The file but for payloads of initializers of `storedFrom` bytes and more. `stop` ends it early, with an error. */
  readStructure(storedFrom: number, stop: NativeStopToken | undefined): Promise<FileStructure>;
  close(): void;
}

/** Ends a run or a build between two steps, and the reading of a file. */
export interface NativeStopToken {
  stop(): void;
}

/** Elements of a port: of the type that the plan's description gives its value. */
export type NativeArray = Float32Array | BigInt64Array | Int32Array | Uint8Array | Int8Array;

export interface NativePlan {
  readonly steps: readonly NativeStep[];
  /** Activations of one run. */
  readonly arenaBytes: number;
  /** Native memory of this plan alone, now: activations and scratch memory of all its runs, constants it does not share. */
  readonly heldBytes: number;
  readonly constantBytes: number;
  readonly isa: Isa;
  /** Inputs are copied before this returns; outputs are new arrays. */
  run(
    inputs: readonly NativeArray[],
    threads: number | undefined,
    stop: NativeStopToken | undefined,
    timed: false,
  ): Promise<NativeArray[]>;
  run(
    inputs: readonly NativeArray[],
    threads: number | undefined,
    stop: NativeStopToken | undefined,
    timed: true,
  ): Promise<{ outputs: NativeArray[]; stepMs: Float64Array }>;
  /** @param ms, clocks receive the milliseconds of each step and {@link Native.clock} behind it */
  runSync(
    inputs: readonly NativeArray[],
    outputs?: readonly NativeArray[],
    threads?: number,
    ms?: Float64Array,
    clocks?: Float64Array,
  ): NativeArray[];
  /** Frees what no run in flight is using. */
  dispose(): void;
}

export interface CpuInfo {
  /** ISAs that this machine can run with this binary, widest last. */
  readonly detected: readonly Isa[];
  /** ISAs compiled into this binary. */
  readonly built: readonly Isa[];
  /** The one in use. */
  readonly active: Isa;
  /** Floats per vector of the active ISA. */
  readonly lanes: number;
  readonly threads: number;
  readonly caches: { readonly l1Bytes: number; readonly l2Bytes: number; readonly l3Bytes: number };
}

export interface NativePlanOptions {
  /** How many threads runs will have: how finely work is cut. */
  readonly threads?: number;
  /** Only algorithms that add in the order of the definition. Default true. */
  readonly strict?: boolean;
}

/** A picture and what is to become of it: `PixelsSpec` of native/core/pixels.h. */
export interface NativePixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly scaledWidth: number;
  readonly scaledHeight: number;
  readonly outWidth: number;
  readonly outHeight: number;
  readonly left: number;
  readonly top: number;
  /** One value of each per channel of the result. */
  readonly order: readonly number[];
  readonly scale: readonly number[];
  readonly shift: readonly number[];
  readonly fill: number;
  readonly channelsLast: boolean;
}

interface Native extends WeightAlgebra {
  readonly Plan: new (spec: PlanSpec, weights?: NativeWeights, isa?: Isa, options?: NativePlanOptions) => NativePlan;
  readonly Weights: new () => NativeWeights;
  readonly StopToken: new () => NativeStopToken;
  /** By descriptor not on Windows. */
  readonly WeightFile: new (
    from: { readonly descriptor: number } | { readonly size: number },
  ) => NativeWeightFile;
  /** `new Plan` on a thread of the addon; an abort is noticed between steps. Nothing that `spec` names may change meanwhile. */
  buildPlan(
    spec: PlanSpec,
    weights: NativeWeights | undefined,
    isa: Isa | undefined,
    options: NativePlanOptions | undefined,
    stop: NativeStopToken | undefined,
  ): Promise<NativePlan>;
  convertPixels(pixels: Uint8Array, spec: NativePixels, out: Float32Array): void;
  cpuInfo(): CpuInfo;
  /** GFLOP/s of multiply-adds in registers on this thread, which it keeps for `ms`. For the benches. */
  fmaPeak(ms: number, isa?: Isa): number;
  /** The present clock of this thread's core, in units that mean something only beside another clock. For the benches. */
  clock(): number;
  setThreads(count: number): void;
  /** Resolves when what was disposed of, cleared or closed before has been given back to the system. */
  freed(): Promise<void>;
}

function load(): Native {
  const require = createRequire(import.meta.url);
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  const platform = `${process.platform}-${process.arch}`;
  try {
    return (require('node-gyp-build') as (directory: string) => Native)(root);
  } catch (cause) {
    if (cause instanceof RangeError) throw cause; // a bad environment variable: the binary itself is fine
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LanewiseError(
      'ERR_NATIVE_LOAD',
      [
        `lanewise could not load its native addon for ${platform} (Node.js ${process.version}): ${reason}`,
        'Possible solutions:',
        '- reinstall: npm install lanewise (the prebuilt binaries are inside the package, nothing is downloaded)',
        '- on another platform, or in a clone of the repository, build it: npm run build:native',
        '- run Node.js without --no-addons; tell your bundler to treat lanewise as external',
      ].join('\n'),
      { cause },
    );
  }
}

export const native: Native = load();
