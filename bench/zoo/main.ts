/** Writes networks of the zoo as ONNX files and prints what they cost. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isZooName, networks, type ZooOptions, zooNames } from './index.js';

const HELP = `Usage: node build/ts/bench/zoo/main.js [options] [name ...]

Writes networks as ONNX files with seeded weights and prints parameters, multiply-accumulates and file sizes.
Without names: all of them.

Options:
  --out DIR      where to write NAME.onnx (default: build/zoo)
  --batch N      images at once, or a name such as N for a symbolic dimension (default: 1)
  --size PIXELS  height and width of the image (default: 224)
  --classes N    default: 1000
  --seed N       default: 1
  --opset N      ONNX operator set (default: per network)
  --list         print the counts, write nothing
  --help

Names: ${zooNames.join(', ')}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: join('build', 'zoo') },
    batch: { type: 'string' },
    size: { type: 'string' },
    classes: { type: 'string' },
    seed: { type: 'string' },
    opset: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else run();

function run(): void {
  const unknown = positionals.filter((name) => !isZooName(name));
  if (unknown.length > 0) {
    process.stderr.write(`Unknown: ${unknown.join(', ')}. There are: ${zooNames.join(', ')}\n`);
    process.exitCode = 1;
    return;
  }
  const options = modelOptions();
  if (!values.list) mkdirSync(values.out, { recursive: true });
  printRow('name', 'params', 'MACs (M)', 'file (MB)');
  for (const name of positionals.length > 0 ? positionals.filter(isZooName) : zooNames) {
    const { parameters, macs } = networks[name].describe(options);
    let megabytes = '-';
    if (!values.list) {
      const { onnx } = networks[name].build(options);
      writeFileSync(join(values.out, `${name}.onnx`), onnx);
      megabytes = (onnx.byteLength / 1e6).toFixed(1);
    }
    printRow(name, parameters.toLocaleString('en'), (macs / 1e6).toFixed(2), megabytes);
  }
}

function modelOptions(): ZooOptions {
  const options: Record<string, number | string> = {};
  for (const key of ['size', 'classes', 'seed', 'opset'] as const) {
    if (values[key] === undefined) continue;
    options[key] = Number(values[key]);
    if (!Number.isInteger(options[key])) throw new TypeError(`--${key} takes an integer, not ${values[key]}`);
  }
  if (values.batch !== undefined) options.batch = /^\d+$/.test(values.batch) ? Number(values.batch) : values.batch;
  return options;
}

function printRow(name: string, ...numbers: string[]): void {
  console.log(name.padEnd(20) + numbers.map((number) => number.padStart(14)).join(''));
}
