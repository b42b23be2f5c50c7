/**
 * Options of sessions and runs: which are honoured, which mean nothing here, which are refused. An option that
 * onnxruntime does not know is ignored there and here.
 */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from '../describe.js';
import type { LoadOptions } from '../model.js';
import type { ExternalDataFileType, RunOptions, SessionOptions } from './session-types.js';

type Rule = (where: string, value: unknown) => void;
type Rules<O> = Readonly<Record<keyof O, Rule>>;

const expected = (where: string, what: string, value: unknown) => `${where}: expected ${what}, got ${describe(value)}`;

const ofType =
  (type: string, what: string): Rule =>
  (where, value) => {
    if (typeof value !== type || value === null) throw new TypeError(expected(where, what, value));
  };
const boolean = ofType('boolean', 'true or false');
const text = ofType('string', 'a string');
const object = ofType('object', 'an object');

const oneOf =
  (...choices: readonly unknown[]): Rule =>
  (where, value) => {
    if (!choices.includes(value)) throw new RangeError(expected(where, `one of ${choices.join(', ')}`, value));
  };
const severity = oneOf(0, 1, 2, 3, 4);

const count: Rule = (where, value) => {
  if (typeof value !== 'number') throw new TypeError(expected(where, 'a number', value));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(expected(where, 'an integer of at least 0', value));
};

const list: Rule = (where, value) => {
  if (!Array.isArray(value)) throw new TypeError(expected(where, 'an array', value));
};

/** Names that stand for the processor in one onnxruntime or another. */
const cpuProviders: ReadonlySet<unknown> = new Set(['cpu', 'wasm', 'xnnpack']);

/** A list says what to try, in order; the processor has to be in it unless the list is empty. */
const providers: Rule = (where, value) => {
  list(where, value);
  const names = (value as unknown[]).map((entry) =>
    typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : entry,
  );
  if (names.length > 0 && !names.some((name) => cpuProviders.has(name)))
    throw new RangeError(`${where}: expected a list with 'cpu', the only provider here, got ${names.join(', ')}`);
};

const extents: Rule = (where, value) => {
  object(where, value);
  for (const [name, extent] of Object.entries(value as object)) {
    if (!Number.isSafeInteger(extent) || extent < 1)
      throw new RangeError(expected(`${where}: '${name}'`, 'an integer of at least 1', extent));
  }
};

/** Outputs lie in the processor's memory. */
const location: Rule = (where, value) => {
  const places = typeof value === 'object' && value !== null ? Object.values(value) : [value];
  for (const place of places) oneOf('cpu', 'cpu-pinned')(where, place);
};

/** Configuration entries that would change results or what is read, with the value that does not. */
const harmlessEntries: Readonly<Record<string, string>> = {
  'session.set_denormal_as_zero': '0',
  'session.load_model_format': 'ONNX',
  'session.model_external_initializers_file_folder_path': '',
};

/** Entries may be nested or have names with dots. */
const extra: Rule = (where, value) => {
  object(where, value);
  const visit = (path: string, entry: unknown): void => {
    if (typeof entry === 'object' && entry !== null)
      for (const [name, inner] of Object.entries(entry)) visit(path === '' ? name : `${path}.${name}`, inner);
    else if (path in harmlessEntries && String(entry) !== harmlessEntries[path])
      throw new TypeError(`${where}: ${path} is not supported, got ${describe(entry)}`);
  };
  visit('', value);
};

const refused =
  (why: string): Rule =>
  (where, value) => {
    throw new TypeError(`${where} is not supported: ${why}, got ${describe(value)}`);
  };

const sessionRules: Rules<SessionOptions> = {
  enableCpuMemArena: boolean,
  enableGraphCapture: boolean,
  enableMemPattern: boolean,
  enableProfiling: boolean,
  executionMode: oneOf('sequential', 'parallel'),
  executionProviders: providers,
  externalData: list,
  extra,
  freeDimensionOverrides: extents,
  graphOptimizationLevel: oneOf('disabled', 'basic', 'extended', 'layout', 'all'),
  interOpNumThreads: count,
  intraOpNumThreads: count,
  logId: text,
  logSeverityLevel: severity,
  logVerbosityLevel: count,
  optimizedModelFilePath: refused('models are not written when a session is created'),
  preferredOutputLocation: location,
  profileFilePrefix: text,
};

const signal: Rule = (where, value) => {
  if (!(value instanceof AbortSignal)) throw new TypeError(expected(where, 'an AbortSignal', value));
};

const runRules: Rules<RunOptions> = {
  extra,
  logSeverityLevel: severity,
  logVerbosityLevel: count,
  signal,
  tag: text,
  terminate: boolean,
};

function check<O extends object>(where: string, options: unknown, rules: Rules<O>): asserts options is O {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(expected(`${where}: options`, 'an object', options));
  for (const [name, rule] of Object.entries<Rule>(rules)) {
    const value = (options as Record<string, unknown>)[name];
    if (value !== undefined) rule(`${where}: ${name}`, value);
  }
}

const fromUrl = (path: string) => (path.startsWith('file:') ? fileURLToPath(path) : path);

async function bytesOf(where: string, data: unknown): Promise<Uint8Array> {
  if (typeof data === 'string') return readFile(fromUrl(data));
  if (data instanceof Blob) return new Uint8Array(await data.arrayBuffer());
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  throw new TypeError(expected(where, 'bytes, a Blob or a path', data));
}

async function externalFile(where: string, file: ExternalDataFileType): Promise<readonly [string, Uint8Array]> {
  if (typeof file === 'string') return [basename(fromUrl(file)), await bytesOf(where, file)];
  object(where, file);
  text(`${where}: path`, file.path);
  return [file.path.replace(/^\.\//, ''), await bytesOf(`${where}: data`, file.data)];
}

/** More than a run ever uses; onnxruntime knows no limit. */
const maxThreads = 64;

export interface SessionSettings {
  readonly load: LoadOptions;
  readonly extents: Readonly<Record<string, number>>;
  /** Undefined: no profile. */
  readonly profilePrefix: string | undefined;
}

/** @throws TypeError, RangeError for an option that cannot be honoured, naming it */
export async function sessionSettings(where: string, options: unknown): Promise<SessionSettings> {
  check<SessionOptions>(where, options, sessionRules);
  const { intraOpNumThreads: threads = 0, graphOptimizationLevel, externalData = [] } = options;
  const files = await Promise.all(externalData.map((file, i) => externalFile(`${where}: externalData[${i}]`, file)));
  return {
    load: {
      maxQueue: Number.MAX_SAFE_INTEGER, // no program written for onnxruntime expects to be told ERR_BUSY
      ...(threads > 0 && { threads: Math.min(threads, maxThreads) }),
      ...(graphOptimizationLevel === 'disabled' && { numerics: 'strict' }),
      ...(files.length > 0 && { externalData: Object.fromEntries(files) }),
    },
    extents: options.freeDimensionOverrides ?? {},
    profilePrefix: options.enableProfiling ? (options.profileFilePrefix ?? 'lanewise_profile') : undefined,
  };
}

export function checkRunOptions(where: string, options: unknown): RunOptions {
  check<RunOptions>(where, options, runRules);
  return options;
}
