/** The parts of onnxruntime's API that steer other backends: present, and without effect. */
import { describe } from '../describe.js';

const logLevels = ['verbose', 'info', 'warning', 'error', 'fatal'] as const;
type LogLevel = (typeof logLevels)[number];

/** Settings of another backend. What only that backend could fill in is never there. */
type Inert<Filled extends string = never> = { readonly [name in Filled]: never } & { [name: string]: unknown };

export interface Env {
  /** Kept and never used: there is no log. */
  logLevel?: LogLevel;
  debug?: boolean;
  trace?: boolean;
  /** Of the API that is spoken here. */
  readonly versions: { readonly common: string; readonly node?: string; readonly web?: string };
  readonly wasm: Inert;
  readonly webgl: Inert<'context'>;
  readonly webgpu: Inert<'adapter' | 'device' | 'profiling'>;
  [name: string]: unknown;
}

const version = '1.30.0';
let logLevel: LogLevel = 'warning';

/** Settings of other backends may be written here; they change nothing. */
export const env: Env = {
  versions: { common: version, node: version },
  wasm: {},
  webgl: {} as Env['webgl'],
  webgpu: {} as Env['webgpu'],
  get logLevel(): LogLevel {
    return logLevel;
  },
  set logLevel(level: LogLevel | undefined) {
    if (level === undefined) return;
    if (!logLevels.includes(level))
      throw new RangeError(`env: logLevel: expected one of ${logLevels.join(', ')}, got ${describe(level)}`);
    logLevel = level;
  },
};

export interface SupportedBackend {
  readonly name: string;
  readonly bundled: boolean;
}

export const listSupportedBackends = (): SupportedBackend[] => [{ name: 'cpu', bundled: true }];

/** @throws TypeError always: sessions run on this library's kernels */
export function registerBackend(name: string, _backend: unknown, _priority: number): void {
  throw new TypeError(`registerBackend: backends cannot be added here, got ${describe(name)}`);
}

const nothing = (..._labels: readonly unknown[]): void => {};

/** Marks for a profiler of browsers; no effect. */
export {
  nothing as TRACE,
  nothing as TRACE_EVENT_BEGIN,
  nothing as TRACE_EVENT_END,
  nothing as TRACE_FUNC_BEGIN,
  nothing as TRACE_FUNC_END,
};
