/** Weights beside the model file. The only part of reading a model that touches the file system. */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { formatError } from './format-error.js';

/**
 * Reads part of a file that the model names.
 * @param location path relative to the model's folder
 * @param offset first byte
 * @param length number of bytes; undefined means up to the end of the file
 */
export type ExternalData = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** Refuses a location that could lead out of the model's folder: a model must not be able to read other files. */
export function checkLocation(location: string): void {
  const parts = location.split(/[/\\]/);
  if (
    location === '' ||
    location.includes('\0') ||
    isAbsolute(location) ||
    /^[A-Za-z]:|^[/\\]/.test(location) ||
    parts.includes('..')
  ) {
    throw formatError(`external data location '${location}' must be a path inside the model's folder`);
  }
}

/** External data of the model stored at `modelPath`. Symbolic links that lead out of its folder are refused too. */
export function externalDataBeside(modelPath: string): ExternalData {
  const folder = realpathSync(dirname(resolve(modelPath)));
  return (location, offset, length) => {
    checkLocation(location);
    let file: number;
    try {
      const path = realpathSync(resolve(folder, location));
      const inside = relative(folder, path);
      if (inside.startsWith('..') || isAbsolute(inside))
        throw formatError(`external data location '${location}' leads out of the model's folder`);
      // Opening a pipe would wait for somebody to write to it.
      if (!statSync(path).isFile()) throw formatError(`external data '${location}' is not a regular file`);
      file = openSync(path, 'r');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_MODEL_FORMAT') throw error;
      throw formatError(`external data '${location}' cannot be opened beside the model`, error);
    }
    try {
      const size = fstatSync(file).size;
      const wanted = length ?? size - offset;
      if (wanted < 0 || offset + wanted > size) {
        throw formatError(
          `external data '${location}' has ${size} bytes, but bytes ${offset} to ${offset + wanted} are wanted`,
        );
      }
      const bytes = new Uint8Array(wanted);
      for (let done = 0; done < wanted; ) {
        const count = readSync(file, bytes, done, wanted - done, offset + done);
        if (count === 0) throw formatError(`external data '${location}' ended early`);
        done += count;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  };
}

/** External data out of memory, by location; what is not there comes from `others`, if there are any. */
export function externalDataIn(
  files: Readonly<Record<string, Uint8Array>>,
  others?: ExternalData,
): ExternalData | undefined {
  if (Object.keys(files).length === 0) return others;
  return (location, offset, length) => {
    checkLocation(location);
    const bytes = Object.hasOwn(files, location) ? files[location] : undefined;
    if (bytes) return new Uint8Array(bytes.subarray(offset, length === undefined ? undefined : offset + length));
    if (others) return others(location, offset, length);
    throw formatError(`external data '${location}' is not among the files given: ${Object.keys(files).join(', ')}`);
  };
}
