/** The compiled command, as a user starts it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networks, type ZooName } from '../../bench/zoo/index.js';
import { type Ending, root } from '../runtime/child.js';

export const main = join(root, 'dist/cli/main.js');

/** A folder of this process's own. */
export const folder = mkdtempSync(join(tmpdir(), 'lanewise-cli-'));

export async function lanewise(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ending> {
  const env = { ...process.env, NODE_NO_WARNINGS: '1', ...environment };
  const child = spawn(process.execPath, [main, ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A file with `content` in the folder. */
export function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A network of the zoo on small pictures. */
export const zooFile = (name: ZooName, size = 32): string =>
  file(`${name}.onnx`, networks[name].build({ size, classes: 10 }).onnx);
