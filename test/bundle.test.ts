/** What is published, made of what was built. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { repositoryRoot } from '../bench/repository.js';
import { buildModel, floats } from './support/onnx-builder.js';

const folder = join(repositoryRoot(), 'build/bundle-test');
test.before(() => execFileSync(process.execPath, [join(repositoryRoot(), 'scripts/bundle.mjs'), folder]));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const load = (entry: string): Promise<Record<string, unknown>> =>
  import(pathToFileURL(join(folder, 'dist', entry)).href) as Promise<Record<string, unknown>>;

test('classes and functions have their own names', async (t) => {
  const { loadModel, conv2d, Tensor, LanewiseError, Profile } = await load('index.js');
  const { InferenceSession } = await load('onnxruntime/index.js');
  for (const [name, value] of Object.entries({ loadModel, conv2d, Tensor, LanewiseError, Profile, InferenceSession }))
    t.is((value as { name: string }).name, name);
});

test('a model is loaded, run and folded', async (t) => {
  const { loadModel, foldModel, tensor } = (await load('index.js')) as unknown as typeof import('lanewise');
  const nodes = [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }];
  const bytes = buildModel({ inputs: { x: [1, 2] }, constants: { w: floats([1], [3]) }, nodes, outputs: ['y'] });
  for (const file of [bytes, (await foldModel(bytes)).bytes]) {
    const model = await loadModel(file);
    const { y } = await model.run({ x: tensor([1, 2], [1, 2]) });
    t.deepEqual([...y!.data], [3, 6]);
    model.dispose();
  }
});

/** The code of a file and of all that it imports before anything of it is called. */
function codeOf(file: string, seen = new Set<string>()): string {
  if (seen.has(file)) return '';
  seen.add(file);
  const code = readFileSync(file, 'utf8');
  const imported = [...code.matchAll(/(?:from|import) ?"(\.[^"]+)"/g)].map(([, path]) => join(dirname(file), path!));
  return code + imported.map((path) => codeOf(path, seen)).join('');
}

test('the descriptors of all messages come with what writes files, not with what loads them', (t) => {
  const descriptors = /TrainingInfoProto|"Cgpvbm54LnByb3RvEgRvbm54/;
  t.notRegex(codeOf(join(folder, 'dist/index.js')), descriptors);
  const chunks = readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.js'));
  t.true(chunks.some((name) => descriptors.test(readFileSync(join(folder, 'dist', name), 'utf8'))));
});
