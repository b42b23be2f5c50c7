/** Where a model comes from: a path, a file URL or bytes. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe } from './describe.js';
import { LanewiseError } from './errors.js';
import { type AllLimits, checkLimit, defaultLimits } from './limits.js';
import { type NativeWeightFile, native } from './native.js';
import { callNative } from './native-error.js';
import { stoppable } from './native-job.js';
import { type ExternalData, externalDataBeside } from './onnx/external-data.js';
import { storedFrom } from './onnx/tensor.js';
import { copyParts, inTurns } from './work.js';

export type ModelSource = string | URL | Uint8Array | ArrayBuffer;

export interface SourceBytes {
  /** Those of the caller where it gave bytes: they may change once they are read. */
  readonly bytes: Uint8Array;
  /** Weights beside the file; bytes have none. */
  readonly beside: ExternalData | undefined;
  /** Where the large weights are, and what `bytes` lack of it. */
  readonly stored?: { readonly file: NativeWeightFile; readonly gaps: Float64Array };
}

/** Models below this are read whole: weights of their own place are no gain. */
const storedFromBytes = 1 << 20;

function fileOf(where: string, source: unknown): string | undefined {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return undefined;
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new TypeError(`${where}: source: expected a path, a file URL or bytes, got ${describe(source)}`);
  return source instanceof URL || source.startsWith('file:') ? fileURLToPath(source) : source;
}

/**
 * The bytes of a model, with the event loop left free; `where` names the function in messages.
 * @throws LanewiseError ERR_LIMIT when the file is larger than `limits` allow, before it is read
 */
export async function readSource(
  where: string,
  source: unknown,
  limits: AllLimits = defaultLimits,
  signal?: AbortSignal,
): Promise<SourceBytes> {
  const file = fileOf(where, source);
  if (file === undefined) {
    const bytes = source instanceof Uint8Array ? source : new Uint8Array(source as ArrayBuffer);
    if (bytes.byteLength === 0)
      throw new LanewiseError('ERR_MODEL_FORMAT', `${where}: source: no bytes (empty, or its buffer is detached)`);
    return { bytes, beside: undefined };
  }
  checkLimit(limits, 'maxFileBytes', (await stat(file)).size, 'the model file: bytes');
  return { bytes: await readFile(file, { signal }), beside: externalDataBeside(file) };
}

/** What `file` is without its large weights, which stay there, once `fill` has put them there. Closes it when that fails. */
async function structureOf(
  where: string,
  file: NativeWeightFile,
  signal: AbortSignal | undefined,
  fill?: () => Promise<void>,
): Promise<Required<Pick<SourceBytes, 'bytes' | 'stored'>>> {
  try {
    await fill?.();
    const { bytes, gaps } = await stoppable(where, signal, (stop) => file.readStructure(storedFrom, stop));
    return { bytes, stored: { file, gaps } };
  } catch (cause) {
    file.close();
    throw cause;
  }
}

/** A copy in the addon: one piece of memory, of which V8 need not collect the parts. */
async function copied(where: string, { bytes, beside }: SourceBytes, signal?: AbortSignal): Promise<SourceBytes> {
  const file = callNative(where, () => new native.WeightFile({ size: bytes.byteLength }));
  const copying = copyParts(bytes, (part, at) => file.write(at, part));
  return { ...(await structureOf(where, file, signal, () => inTurns(copying, signal))), beside };
}

/**
 * {@link readSource}, but large weights stay in the file, or in a copy of the bytes that the addon keeps. It is to be closed
 * when no plan needs them any more.
 */
export async function openSource(
  where: string,
  source: unknown,
  limits: AllLimits = defaultLimits,
  signal?: AbortSignal,
): Promise<SourceBytes> {
  const path = fileOf(where, source);
  // The addon cannot share descriptors with Node.js on Windows.
  if (path === undefined || process.platform === 'win32') {
    const read = await readSource(where, source, limits, signal);
    checkLimit(limits, 'maxFileBytes', read.bytes.byteLength, 'the model file: bytes');
    return read.bytes.byteLength < storedFromBytes ? read : copied(where, read, signal);
  }
  // Before it is opened: opening a pipe would wait for somebody to write to it.
  const found = statSync(path);
  if (!found.isFile() || found.size < storedFromBytes) return readSource(where, source, limits, signal);
  const beside = externalDataBeside(path);
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    checkLimit(limits, 'maxFileBytes', size, 'the model file: bytes');
    const file = callNative(where, () => new native.WeightFile({ descriptor }));
    return { ...(await structureOf(where, file, signal)), beside };
  } finally {
    closeSync(descriptor);
  }
}
