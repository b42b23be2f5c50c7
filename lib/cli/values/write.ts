/** Files that are either whole or not there. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Constant } from '../../graph/ir.js';
import { writeJson } from './json.js';
import { writeNpy } from './npy.js';

/** Written under another name in the same folder first: whoever looks sees the old file or the new one, never half of it. */
export async function writeWhole(file: string, content: Uint8Array | string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const handle = await open(draft, 'wx');
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

const formats: Readonly<Record<string, (value: Constant) => Uint8Array | string>> = {
  '.npy': writeNpy,
  '.json': writeJson,
};

const raw = ({ data }: Constant): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A tensor to a file, in the format that its ending says; raw elements for any other ending. */
export const writeValue = (file: string, value: Constant): Promise<void> =>
  writeWhole(file, (formats[extname(file).toLowerCase()] ?? raw)(value));
