/** The compiled command, as a user starts it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networks, type ZooName } from '../../bench/zoo/index.js';
import { type Ending, type Environment, root, runNode } from '../runtime/child.js';

export const main = join(root, 'dist/cli/main.js');

/** A folder of this process's own. */
export const folder = mkdtempSync(join(tmpdir(), 'lanewise-cli-'));

export const lanewise = (args: readonly string[], environment: Environment = {}): Promise<Ending> =>
  runNode([main, ...args], environment);

/** A file with `content` in the folder. */
export function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A network of the zoo on small pictures. */
export const zooFile = (name: ZooName, size = 32): string =>
  file(`${name}.onnx`, networks[name].build({ size, classes: 10 }).onnx);
