/** What sessions take and give, with the names and shapes of onnxruntime-common. */
import type { Tensor } from './tensor.js';

export type OnnxValue = Tensor;
export type OnnxValueDataLocation = Tensor.DataLocation;

export type OnnxValueMapType = { readonly [name: string]: OnnxValue };
export type NullableOnnxValueMapType = { readonly [name: string]: OnnxValue | null };

/** Names of the outputs wanted, or an object of them with a tensor to write to, or null for a new one. */
export type FetchesType = readonly string[] | NullableOnnxValueMapType;

/** A tensor of ours, of onnxruntime-common, which clients may import beside the runtime, or of any library. */
export interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}
export type Feeds = { readonly [name: string]: TensorLike };
export type Fetches = readonly string[] | { readonly [name: string]: TensorLike | null };

export type FileType = string | Blob | Uint8Array | ArrayBufferLike;

/** A file of weights: its content or path, and the path by which the model names it. */
export interface ExternalDataFileDescription {
  data: FileType;
  path: string;
}
export type ExternalDataFileType = ExternalDataFileDescription | string;

export interface ExecutionProviderOption {
  readonly name: string;
}
export type ExecutionProviderConfig = ExecutionProviderOption | string;

type LogSeverity = 0 | 1 | 2 | 3 | 4;

/** Each option: honoured, without a meaning here and accepted, or refused by name; docs/onnxruntime.md has the list. */
export interface SessionOptions {
  executionProviders?: readonly ExecutionProviderConfig[];
  /** Threads per run; 0 is the default. */
  intraOpNumThreads?: number;
  interOpNumThreads?: number;
  /** Extents by name. Runs with other extents are refused. */
  freeDimensionOverrides?: { readonly [dimensionName: string]: number };
  /** `disabled` keeps the order of additions that operators are defined with; every other level is the same. */
  graphOptimizationLevel?: 'disabled' | 'basic' | 'extended' | 'layout' | 'all';
  enableCpuMemArena?: boolean;
  enableMemPattern?: boolean;
  executionMode?: 'sequential' | 'parallel';
  optimizedModelFilePath?: string;
  /** Times every step of every run, for a trace file that `endProfiling` or `release` writes. */
  enableProfiling?: boolean;
  /** How the path of the trace file begins; a time and `.json` follow. */
  profileFilePrefix?: string;
  logId?: string;
  logSeverityLevel?: LogSeverity;
  logVerbosityLevel?: number;
  preferredOutputLocation?: OnnxValueDataLocation | { readonly [outputName: string]: OnnxValueDataLocation };
  enableGraphCapture?: boolean;
  externalData?: readonly ExternalDataFileType[];
  extra?: Record<string, unknown>;
}

export interface RunOptions {
  logSeverityLevel?: LogSeverity;
  logVerbosityLevel?: number;
  /** Rejects the run. */
  terminate?: boolean;
  tag?: string;
  extra?: Record<string, unknown>;
  /** Not in onnxruntime: ends the run between two layers, and rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface ValueMetadataBase {
  readonly name: string;
}
export interface NonTensorValueMetadata extends ValueMetadataBase {
  readonly isTensor: false;
}
export interface TensorValueMetadata extends ValueMetadataBase {
  readonly isTensor: true;
  readonly type: Tensor.Type;
  /** A name for an extent known at run time; empty where the model gives it none. */
  readonly shape: readonly (number | string)[];
}
export type ValueMetadata = NonTensorValueMetadata | TensorValueMetadata;
