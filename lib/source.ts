/** Where a model comes from: a path, a file URL or bytes. */
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe } from './describe.js';
import { LanewiseError } from './errors.js';
import { type AllLimits, checkLimit, defaultLimits } from './limits.js';
import { type ExternalData, externalDataBeside } from './onnx/external-data.js';

export type ModelSource = string | URL | Uint8Array | ArrayBuffer;

export interface SourceBytes {
  /** Those of the caller where it gave bytes: they may change once they are read. */
  readonly bytes: Uint8Array;
  /** Weights beside the file; bytes have none. */
  readonly beside: ExternalData | undefined;
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
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    if (source.byteLength === 0)
      throw new LanewiseError('ERR_MODEL_FORMAT', `${where}: source: no bytes (empty, or its buffer is detached)`);
    return { bytes: source instanceof Uint8Array ? source : new Uint8Array(source), beside: undefined };
  }
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new TypeError(`${where}: source: expected a path, a file URL or bytes, got ${describe(source)}`);
  const file = source instanceof URL || source.startsWith('file:') ? fileURLToPath(source) : source;
  checkLimit(limits, 'maxFileBytes', (await stat(file)).size, 'the model file: bytes');
  return { bytes: await readFile(file, { signal }), beside: externalDataBeside(file) };
}
