/** What the command says to whoever mistypes: one line on stderr, nothing on stdout, exit code 2. Failures are exit code 1. */
import test from 'ava';
import { canSpawn } from '../runtime/child.js';
import { ocrModelPath } from '../support/ocr-models.js';
import { buildModel } from '../support/onnx-builder.js';
import { file, folder, lanewise } from './command.js';

const relu = { op: 'Relu', inputs: ['a'], outputs: ['y'] };
const two = file(
  'two.onnx',
  buildModel({
    inputs: { left: [1, 4], right: [1, 4] },
    outputs: ['sum'],
    nodes: [{ op: 'Add', inputs: ['left', 'right'], outputs: ['sum'] }],
  }),
);
const one = file('one.onnx', buildModel({ inputs: { a: [1, 4] }, outputs: ['y'], nodes: [relu] }));
const open = file('open.onnx', buildModel({ inputs: { a: ['N', 3, 'H', 'W'] }, outputs: ['y'], nodes: [relu] }));
const text = file('labels.txt', 'cat\ndog\n');

interface Case {
  readonly args: readonly string[];
  /** What the line has to say. */
  readonly says: RegExp;
  readonly code?: 1 | 2;
}

const cases: readonly Case[] = [
  { args: [], says: /expected a command: inspect, run, .*--help/ },
  { args: ['insect'], says: /unknown command 'insect' \(did you mean 'inspect'\?\)/ },
  { args: ['--jsn'], says: /unknown option '--jsn'/ },

  { args: ['inspect'], says: /lanewise inspect: missing required argument 'model'; see lanewise inspect --help/ },
  { args: ['inspect', one, two], says: /too many arguments/ },
  { args: ['inspect', one, '--jason'], says: /unknown option '--jason' \(did you mean '--json'\?\)/ },
  {
    args: ['inspect', open, '--shape', 'x'],
    says: /option '-s, --shape <\[name=\]extents>': expected NAME=1x3x224x224, got 'x'/,
  },
  { args: ['inspect', open, '--shape', 'b=1x3x8x8'], says: /the model has no input 'b' \(did you mean 'a'\?\)/ },
  { args: ['inspect', open, '--shape', '1x4x8x8'], says: /input 'a' has shape \[N, 3, H, W\], got \[1, 4, 8, 8\]/ },
  { args: ['inspect', two, '--shape', '1x4'], says: /the model has 2 inputs, say NAME=EXTENTS/ },
  { args: ['inspect', 'nowhere.onnx'], says: /no such file.*nowhere\.onnx/, code: 1 },
  { args: ['inspect', text], says: /not a complete ONNX file/, code: 1 },

  { args: ['run'], says: /missing required argument 'model'/ },
  { args: ['run', one], says: /expected a file for each input \(a \[1, 4\]\), or --random/ },
  {
    args: ['run', one, '--random', 'x'],
    says: /option '--random <seed>': expected an integer from 0 to 4294967295, got 'x'/,
  },
  { args: ['run', one, '--random', '1', 'a.npy'], says: /--random and input files exclude each other/ },
  { args: ['run', one, '--random', '1', '--labels', text], says: /--labels needs --top/ },
  { args: ['run', one, '--random', '1', '--top', '0'], says: /'-k, --top <k>': .*at least 1, got '0'/ },
  { args: ['run', one, '--random', '1', '--layout', 'nwhc'], says: /'--layout .*Allowed choices are nchw, nhwc/ },
  { args: ['run', one, '--random', '1', '--resize', '0x3'], says: /expected WIDTHxHEIGHT/ },
  { args: ['run', one, '--random', '1', '--mean', '1,,2'], says: /expected numbers separated by commas/ },
  { args: ['run', two, 'a.npy'], says: /the model has 2 inputs \(left, right\), write NAME=FILE/ },
  { args: ['run', two, 'lft=a.npy'], says: /the model has no input 'lft' \(did you mean 'left'\?\)/ },
  { args: ['run', two, 'left=a.npy'], says: /input 'right' \[1, 4\] has no file/ },
  { args: ['run', two, 'left=a', 'left=b'], says: /input 'left' is given twice/ },
  { args: ['run', open, '--random', '1'], says: /give it with --shape a=1x3xHxW/ },
  { args: ['run', one, 'nowhere.npy'], says: /no such file.*nowhere\.npy/, code: 1 },
  { args: ['run', one, text], says: /8 bytes are 2 elements of float32, input 'a' has shape \[1, 4\]/, code: 1 },
  { args: ['run', one, '--random', '1', '-o', 'no/such/folder/y.npy'], says: /no such file or directory/, code: 1 },

  { args: ['bench', one, '--runs', '1.5'], says: /expected an integer/ },
  { args: ['bench', one, '--threads', '65'], says: /expected an integer from 1 to 64, got '65'/ },
  { args: ['bench', one, '--isa', 'sse2'], says: /Allowed choices are scalar, avx2, avx512, amx, neon/ },
  { args: ['bench', one, '--seconds', '-1'], says: /expected a number above 0/ },

  { args: ['profile', one, '--html'], says: /option '--html <file>' argument missing/ },
  { args: ['profile', ocrModelPath('rec')], says: /give it with --shape x=1x3x48xW/ },

  { args: ['fold', one], says: /expected -o FILE to write to/ },
  { args: ['fold', one, '-o', one], says: /is the model itself/ },
  { args: ['fold', one, '-o', folder], says: /is a folder/ },
  { args: ['fold', one, '-o', two], says: /two\.onnx exists already; --force replaces it/, code: 1 },
  { args: ['fold', one, '-o', 'no/such/folder/y.onnx'], says: /no such file or directory/, code: 1 },
  { args: ['fold', open, '-o', 'y.onnx', '--shape', '1x4x8x8'], says: /has shape \[N, 3, H, W\]/ },

  { args: ['compare'], says: /missing required argument 'a'/ },
  { args: ['compare', one, '--engine', 'onyx'], says: /expected lanewise or onnxruntime, got 'onyx'/ },
  { args: ['compare', one, '--engine', 'a,b,c'], says: /two separated by a comma/ },
  { args: ['compare', one, '--engine', 'lanewise'], says: /both sides are the same/ },

  { args: ['cpu', 'model.onnx'], says: /too many arguments/ },
];

const run = canSpawn ? test : test.skip;

for (const { args, says, code = 2 } of cases) {
  const title = args.map((arg) => arg.replace(/.*\//, '')).join(' ');
  run(`lanewise ${title}`, async (t) => {
    const ending = await lanewise(args);
    t.is(ending.code, code);
    t.is(ending.stdout, '');
    t.regex(ending.stderr, says);
    t.regex(ending.stderr, /^lanewise[^\n]*\n$/, 'one line');
  });
}
