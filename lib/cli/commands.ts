/** All commands, in the order of `--help`. */
import type { CommandArgument, CommandDefinition, Run } from './command.js';
import {
  engineOptions,
  imageOptions,
  integer,
  isas,
  numericsNames,
  oneOf,
  positive,
  seedOption,
  shapeOption,
  sides,
} from './options.js';

const model: CommandArgument = { form: '<model>', help: 'an ONNX file' };

const inputs: CommandArgument = {
  form: '[inputs...]',
  help: 'NAME=FILE for each input, or just FILE where there is one: .npy, .json, .png/.jpg/.webp, or raw elements',
};
const inputsOrRandom: CommandArgument = { ...inputs, help: `${inputs.help}; random without` };

const collect = (text: string, before: unknown): string[] => [...((before as string[] | undefined) ?? []), text];

const imageNote =
  'Pictures need the package sharp. Their pixels become (pixel/255 - mean) / std; an input of type uint8 takes them as they are.';

/** commander hands over what the definitions say: that is where the types of a command's options are true. */
const loaded = (module: { readonly run: (args: readonly unknown[], options: never) => ReturnType<Run> }) => ({
  run: module.run as Run,
});

export const commands: readonly CommandDefinition[] = [
  {
    name: 'inspect',
    summary: 'what a model is, what folds and what does not, what keeps it from running',
    args: [model],
    options: [shapeOption, { flags: '--nodes', help: 'also every node with its output, parameters and MACs' }],
    notes:
      'Parameters and MACs are those of the file, before folding. A first axis that the model leaves open counts as 1.',
    examples: ['lanewise inspect model.onnx', 'lanewise inspect model.onnx --shape x=1x3x224x224 --nodes'],
    load: async () => loaded(await import('./commands/inspect.js')),
  },
  {
    name: 'run',
    summary: 'runs a model on files',
    args: [model, inputs],
    options: [
      { flags: '--random <seed>', help: 'made-up input in place of files', parse: integer(0, 2 ** 32 - 1) },
      { flags: '-k, --top <k>', help: 'the K largest of each row of each output', parse: integer(1) },
      { flags: '--labels <file>', help: 'a text file with one label a line, for --top' },
      {
        flags: '-o, --output <[name=]file>',
        help: 'writes an output: .npy, .json, or raw elements for any other ending; repeatable',
        parse: collect,
      },
      shapeOption,
      ...imageOptions,
      ...engineOptions,
    ],
    notes: imageNote,
    examples: [
      'lanewise run mobilenet.onnx cat.jpg --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --top 5 --labels classes.txt',
      'lanewise run detector.onnx x=page.npy -o boxes.npy',
      'lanewise run two-inputs.onnx left=a.npy right=b.npy --json',
      'lanewise run model.onnx --random 1 --shape 1x3x64x64',
    ],
    load: async () => loaded(await import('./commands/run.js')),
  },
  {
    name: 'bench',
    summary: 'how long a run takes, beside onnxruntime where it is installed',
    args: [model, inputsOrRandom],
    options: [
      {
        flags: '-n, --runs <n>',
        help: 'measured runs of each engine (default: what fits into --seconds)',
        parse: integer(1, 1e6),
      },
      { flags: '--seconds <s>', help: 'for all engines together', parse: positive, fallback: 5 },
      { flags: '--warmup <n>', help: 'runs before', parse: integer(1, 1e6), fallback: 5 },
      { flags: '-l, --layers [k]', help: 'also the K most expensive layers (10)', parse: integer(1), preset: '10' },
      { flags: '--no-onnxruntime', help: 'lanewise alone' },
      seedOption('of random input'),
      shapeOption,
      ...imageOptions,
      ...engineOptions,
    ],
    notes:
      'Engines run in turns in one process, with the same number of threads. Times include copying inputs and outputs.',
    examples: [
      'lanewise bench model.onnx',
      'lanewise bench model.onnx --shape x=1x3x480x640 --threads 1 --layers 5 --json',
    ],
    load: async () => loaded(await import('./commands/bench.js')),
  },
  {
    name: 'profile',
    summary: 'where the time goes: a table, a Chrome trace, an HTML page',
    args: [model, inputsOrRandom],
    options: [
      { flags: '-n, --runs <n>', help: 'runs; each step shows its median', parse: integer(1, 10_000), fallback: 10 },
      { flags: '-k, --top <k>', help: 'only the K most expensive steps', parse: integer(1) },
      { flags: '--trace <file>', help: 'writes trace events for chrome://tracing and ui.perfetto.dev' },
      { flags: '--html <file>', help: 'writes a page with a timeline and the most expensive layers' },
      seedOption('of random input'),
      shapeOption,
      ...imageOptions,
      ...engineOptions,
    ],
    examples: [
      'lanewise profile model.onnx --top 10',
      'lanewise profile model.onnx --html profile.html --trace trace.json',
    ],
    load: async () => loaded(await import('./commands/profile.js')),
  },
  {
    name: 'fold',
    summary: 'saves what folding makes of a model, as ONNX that any runtime loads',
    args: [model],
    options: [
      { flags: '-o, --output <file>', help: 'where to write; never the model itself' },
      { flags: '-f, --force', help: 'replaces a file that is there' },
      { ...shapeOption, help: `${shapeOption.help}; it becomes fixed, and what depends on it constant` },
    ],
    notes: 'The file is there when it is whole, and not before.',
    examples: [
      'lanewise fold model.onnx -o folded.onnx',
      'lanewise fold model.onnx -o folded.onnx --shape x=1x3x224x224 --force',
      'lanewise fold model.onnx -o folded.onnx && lanewise compare model.onnx folded.onnx',
    ],
    load: async () => loaded(await import('./commands/fold.js')),
  },
  {
    name: 'compare',
    summary: 'two models, or one on two engines, on the same input',
    args: [
      { form: '<a>', help: 'an ONNX file' },
      { form: '[b]', help: 'another one with the same inputs; without it A runs on both sides' },
    ],
    options: [
      {
        flags: '-i, --input <[name=]file>',
        help: 'a file for an input, repeatable; random without',
        parse: collect,
      },
      {
        flags: '-e, --engine <a,b>',
        help: 'lanewise or onnxruntime for each side (default for one model: lanewise,onnxruntime)',
        parse: sides(oneOf(['lanewise', 'onnxruntime'])),
      },
      { flags: '--isa <a,b>', help: 'instruction set of each side', parse: sides(oneOf(isas)) },
      { flags: '--numerics <a,b>', help: 'fast or strict for each side', parse: sides(oneOf(numericsNames)) },
      { flags: '-t, --threads <n>', help: 'threads of both', parse: integer(1, 64) },
      { flags: '-l, --layers', help: 'also every value that both compute on the way' },
      {
        flags: '--tolerance <e>',
        help: 'exit code 1 when an output differs by more, relative to its largest element',
        parse: positive,
      },
      seedOption('of random input'),
      shapeOption,
      ...imageOptions,
    ],
    notes:
      'One value for a side option holds for both sides. onnxruntime runs without graph optimisations: the network as written.',
    examples: [
      'lanewise compare model.onnx',
      'lanewise compare model.onnx folded.onnx --layers',
      'lanewise compare model.onnx --engine lanewise --numerics fast,strict --tolerance 1e-4',
    ],
    load: async () => loaded(await import('./commands/compare.js')),
  },
  {
    name: 'cpu',
    summary: 'instruction sets, threads and caches that were found',
    args: [],
    options: [],
    examples: ['lanewise cpu', 'LANEWISE_ISA=avx2 lanewise cpu --json'],
    load: async () => loaded(await import('./commands/cpu.js')),
  },
];
