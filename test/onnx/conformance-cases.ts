/**
 * The data-driven cases of the ONNX project: a model with its inputs and the outputs it must give. As a program it runs the
 * cases whose name contains its argument and prints what is wrong with each:
 *
 *     node build/ts/test/onnx/conformance-cases.js resize
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { loadModel, Tensor } from 'lanewise';
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { readModel } from '#lib/onnx/read.js';

const root = resolve(fileURLToPath(import.meta.url), '../../../../..');

/** The folder with the cases; undefined where there is none. */
export function conformanceFolder(): string | undefined {
  const folder = process.env['ONNX_TEST_DATA'] ?? join(root, '..', 'shared', 'onnx');
  return existsSync(folder) ? folder : undefined;
}

export const howToGetTheData =
  'skipped: set ONNX_TEST_DATA to a copy of the folder onnx/backend/test/data of https://github.com/onnx/onnx';

const groups = ['node', 'pytorch-converted', 'pytorch-operator', 'simple'];

/** `group/name` of every case. */
export function listCases(folder: string): string[] {
  return groups.flatMap((group) =>
    existsSync(join(folder, group))
      ? readdirSync(join(folder, group))
          .sort()
          .map((name) => `${group}/${name}`)
      : [],
  );
}

function readPb(file: string): { name: string; tensor: Tensor<never> } {
  const proto = fromBinary(TensorProtoSchema, readFileSync(file));
  const model = create(ModelProtoSchema, { graph: { initializer: [{ ...proto, name: 'it' }] } });
  const { type, data, shape } = readModel(toBinary(ModelProtoSchema, model)).constants.get('it')!;
  return { name: proto.name, tensor: new Tensor(type as never, data as never, shape) };
}

function readSet(folder: string, kind: 'input' | 'output'): { name: string; tensor: Tensor<never> }[] {
  const count = readdirSync(folder).filter((file) => file.startsWith(`${kind}_`)).length;
  return Array.from({ length: count }, (_, i) => readPb(join(folder, `${kind}_${i}.pb`)));
}

const relative = 1e-3;
const absolute = 1e-5;

/** What is wrong with `got`; undefined when nothing is. */
function difference(got: Tensor<never> | undefined, want: Tensor<never>): string | undefined {
  if (!got) return 'is missing';
  if (got.type !== want.type) return `has type ${got.type}, expected ${want.type}`;
  if (got.shape.join() !== want.shape.join()) return `has shape [${got.shape}], expected [${want.shape}]`;
  const a = got.data as ArrayLike<number | bigint>;
  const b = want.data as ArrayLike<number | bigint>;
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (x === y) continue;
    if (typeof x === 'number' && typeof y === 'number' && (want.type as string) === 'float32') {
      if (Number.isNaN(x) && Number.isNaN(y)) continue;
      if (Math.abs(x - y) <= absolute + relative * Math.abs(y)) continue;
    }
    return `is ${x} at ${i}, expected ${y}`;
  }
  return undefined;
}

/** Why a case does not pass; undefined when it does. */
export async function failureOf(folder: string, name: string): Promise<string | undefined> {
  const directory = join(folder, name);
  try {
    const model = await loadModel(join(directory, 'model.onnx'));
    for (const set of readdirSync(directory).filter((entry) => entry.startsWith('test_data_set_'))) {
      const inputs = readSet(join(directory, set), 'input');
      const feeds = Object.fromEntries(
        inputs.map((input, i) => [input.name || (model.inputs[i]?.name ?? ''), input.tensor]),
      );
      const results = await model.run(feeds);
      for (const [i, want] of readSet(join(directory, set), 'output').entries()) {
        const output = want.name || (model.outputs[i]?.name ?? '');
        const problem = difference(results[output] as Tensor<never> | undefined, want.tensor);
        if (problem) return `output '${output}' ${problem}`;
      }
    }
    model.dispose();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = conformanceFolder();
  if (!folder) {
    console.log(howToGetTheData);
  } else {
    const wanted = listCases(folder).filter((name) => name.includes(process.argv[2] ?? ''));
    let passed = 0;
    for (const name of wanted) {
      const failure = await failureOf(folder, name);
      if (failure === undefined) passed++;
      else console.log(`${name}\n    ${failure.replaceAll('\n', '\n    ')}`);
    }
    console.log(`${passed} of ${wanted.length} pass`);
  }
}
