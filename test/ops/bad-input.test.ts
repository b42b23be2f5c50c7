/**
 * Bad input for every public function, from one table: what each function takes is written down once, and every kind of fault
 * is tried at every place where it can happen. The error has to be of the right class, name the operator, and come before any
 * work; good arguments must still work afterwards. The table is long because it is one: a function that is not in it fails a test.
 */
import test, { type ExecutionContext } from 'ava';
import * as lanewise from 'lanewise';
import { Tensor, tensor } from 'lanewise';
import { Dice } from '../support/operands.js';

type Arguments = unknown[];

interface Entry {
  readonly run: (...args: Arguments) => unknown;
  /** Fresh arguments that work, the options last. */
  readonly good: () => Arguments;
  /** Positions of arguments that have to be tensors, and may be nothing else. */
  readonly tensors?: readonly number[];
  /** Paths (argument, then field) of vectors: a tensor, a Float32Array or numbers. */
  readonly vectors?: readonly (readonly [number, string?])[];
  /** Paths of tensors in options. */
  readonly tensorFields?: readonly (readonly [number, string])[];
  /** Paths of numbers; NaN is a RangeError, a string a TypeError. */
  readonly numbers?: readonly (readonly [number, string?])[];
  /** Position of an object all of whose fields are known; a misspelt one is a TypeError. */
  readonly objects?: readonly number[];
  /** Faults of this function alone: arguments to change, the class, and what the message says. */
  readonly faults?: readonly (readonly [
    change: (args: Arguments) => void,
    type: typeof TypeError | typeof RangeError,
    message: RegExp,
  ])[];
  /** Whether the last object takes out and isa. */
  readonly eager?: boolean;
}

const functions = { ...lanewise } as unknown as Readonly<Record<string, Entry['run']>>;

const dice = new Dice(9);
const values = (...shape: number[]): Tensor => dice.values(shape);
const numbers = (count: number): Float32Array => dice.values([count]).data;

const set =
  (position: number, field: string | undefined, value: unknown) =>
  (args: Arguments): void => {
    if (field === undefined) args[position] = value;
    else args[position] = { ...(args[position] as object), [field]: value };
  };

const convOptions = () => ({
  bias: numbers(8),
  scale: numbers(8),
  shift: numbers(8),
  activation: 'relu',
  residual: values(1, 8, 5, 5),
  gate: values(1, 8, 1, 1),
  addAfterActivation: false,
  stride: 1,
  padding: 1,
  dilation: 1,
  padValue: numbers(4),
  layout: 'nchw',
});

const activationFaults = (position: number): Entry['faults'] => [
  [set(position, 'activation', 'rleu'), RangeError, /activation: .*did you mean 'relu'/],
  [set(position, 'activation', 7), TypeError, /activation/],
  [set(position, 'activation', { kind: 'clip', mni: 0 }), TypeError, /unknown option 'mni': did you mean 'min'/],
  [set(position, 'activation', { kind: 'clip', min: Number.NaN }), RangeError, /activation\.min/],
  [set(position, 'activation', { kind: 'clip', min: 2, max: 1 }), RangeError, /min <= max/],
  [set(position, 'activation', 'prelu'), TypeError, /without its slope/],
  [set(position, 'activation', {}), TypeError, /activation\.kind/],
];

const layoutFaults = (position: number): Entry['faults'] => [
  [set(position, 'layout', 'nwhc'), RangeError, /layout: .*'nwhc'; did you mean 'nhwc'/],
  [set(position, 'layout', 3), TypeError, /layout/],
];

const windowFaults = (position: number): Entry['faults'] => [
  [set(position, 'stride', 0), RangeError, /stride: expected an integer of at least 1, got 0/],
  [set(position, 'stride', [1, 2, 3]), RangeError, /stride: expected a number or \[h, w\], got \[1, 2, 3\]/],
  [set(position, 'stride', 2 ** 31), RangeError, /stride/],
  [set(position, 'dilation', 1.5), RangeError, /dilation/],
  [set(position, 'padding', -1), RangeError, /padding/],
  [set(position, 'padding', [1, 1, 1]), RangeError, /padding: expected a number/],
  [set(position, 'padding', 'smae'), RangeError, /did you mean 'same'/],
  [set(position, 'padding', {}), TypeError, /padding/],
];

const norm = (count: number) => ({
  gamma: numbers(count),
  beta: numbers(count),
  mean: numbers(count),
  variance: numbers(count),
  epsilon: 1e-3,
});
const pools = (run: Entry['run']): Entry => ({
  run,
  eager: true,
  good: () => [values(1, 3, 6, 6), 2, { stride: 2, padding: 0, dilation: 1, ceilMode: false, layout: 'nchw' }],
  tensors: [0],
  numbers: [[1], [2, 'stride'], [2, 'padding'], [2, 'dilation']],
  objects: [2],
  faults: [
    ...windowFaults(2)!,
    ...layoutFaults(2)!,
    [set(0, undefined, values(3, 6, 6)), RangeError, /x: expected rank 4 \[N, C, H, W\], got shape \[3, 6, 6\]/],
    [set(1, undefined, 7), RangeError, /kernel of 7 x 7 fits, got 6 x 6/],
    [set(1, undefined, undefined), TypeError, /kernel/],
    [set(2, 'padding', 2), RangeError, /padding: expected less than the kernel/],
    [set(2, 'ceilMode', 1), TypeError, /ceilMode: expected true or false/],
  ],
});
const globals = (run: Entry['run']): Entry => ({
  run,
  eager: true,
  good: () => [values(1, 3, 6, 6), { layout: 'nchw' }],
  tensors: [0],
  objects: [1],
  faults: [
    ...layoutFaults(1)!,
    [set(0, undefined, values(1, 3, 0, 6)), RangeError, /pixels/],
    [set(0, undefined, values(3, 6)), RangeError, /rank 4/],
  ],
});
const softmaxes = (run: Entry['run']): Entry => ({
  run,
  eager: true,
  good: () => [values(2, 5), { axis: 1 }],
  tensors: [0],
  numbers: [[1, 'axis']],
  objects: [1],
  faults: [
    [set(1, 'axis', 2), RangeError, /axis: expected an integer from -2 to 1, got 2/],
    [set(0, undefined, values()), RangeError, /rank 1 or more/],
  ],
});
const binaries = (run: Entry['run']): Entry => ({
  run,
  eager: true,
  good: () => [values(2, 3), values(3), { activation: 'relu' }],
  tensors: [],
  objects: [2],
  faults: [
    ...activationFaults(2)!,
    [set(0, undefined, '1'), TypeError, /a: expected a float32 Tensor, got '1'/],
    [set(1, undefined, tensor(new Int32Array(3), [3])), TypeError, /b: expected a float32 Tensor, got int32/],
    [set(1, undefined, values(2)), RangeError, /broadcast to each other, got \[2, 3\] and \[2\]/],
    [set(2, 'activation', { kind: 'prelu', slope: 1 }), RangeError, /prelu/],
    [
      (args) => {
        args[0] = args[1] = 1;
      },
      TypeError,
      /expected a float32 Tensor/,
    ],
  ],
});
const unaries = (run: Entry['run'], ...names: string[]): Entry => ({
  run,
  eager: true,
  good: () => [values(2, 3), Object.fromEntries(names.map((name, i) => [name, i + 1]))],
  tensors: [0],
  numbers: names.map((name) => [1, name] as const),
  objects: [1],
});

const table: Readonly<Record<string, Entry>> = Object.fromEntries(
  Object.entries({
    conv2d: {
      eager: true,
      good: () => [values(1, 4, 5, 5), values(8, 2, 3, 3), { ...convOptions(), groups: 2 }],
      tensors: [0, 1],
      tensorFields: [
        [2, 'residual'],
        [2, 'gate'],
      ],
      vectors: [
        [2, 'bias'],
        [2, 'scale'],
        [2, 'shift'],
        [2, 'padValue'],
      ],
      numbers: [
        [2, 'stride'],
        [2, 'padding'],
        [2, 'dilation'],
        [2, 'groups'],
      ],
      objects: [2],
      faults: [
        ...activationFaults(2)!,
        ...layoutFaults(2)!,
        ...windowFaults(2)!,
        [set(1, undefined, values(8, 3, 3, 3)), RangeError, /^conv2d: padValue: expected 6 values/],
        [
          (args) => {
            args[1] = values(8, 3, 3, 3);
            args[2] = { groups: 2 };
          },
          RangeError,
          /^conv2d: weight: expected 2 input channels \(4 channels \/ 2 groups\), got 3$/,
        ],
        [set(2, 'groups', 3), RangeError, /groups: expected a divisor of the 8 output channels, got 3/],
        [
          set(1, undefined, values(8, 2, 9, 9)),
          RangeError,
          /kernel of 9 x 9 fits, got 5 x 5 with padding \[1, 1, 1, 1\]/,
        ],
        [set(1, undefined, values(8, 2, 3)), RangeError, /weight: expected rank 4/],
        [set(1, undefined, values(0, 2, 3, 3)), RangeError, /weight: expected extents of at least 1/],
        [set(0, undefined, values(1, 4, 0, 5)), RangeError, /got 0 x 5/],
        [set(0, undefined, values(4, 5, 5)), RangeError, /rank 4/],
        [set(2, 'bias', numbers(7)), RangeError, /bias: expected 8 values, one per output channel, got 7/],
        [
          set(2, 'residual', values(1, 8, 5, 4)),
          RangeError,
          /residual: expected shape \[1, 8, 5, 5\], got \[1, 8, 5, 4\]/,
        ],
        [set(2, 'gate', values(1, 1, 8, 1)), RangeError, /gate: expected shape \[1, 8, 5, 5\] or \[1, 8, 1, 1\]/],
        [set(2, 'activation', { kind: 'prelu', slope: numbers(3) }), RangeError, /slope: expected 1 value or 8/],
        [set(2, 'activation', { kind: 'prelu', slope: 'steep' }), TypeError, /slope/],
        [set(2, 'addAfterActivation', 1), TypeError, /addAfterActivation/],
        [set(2, 'padding', 2 ** 30), RangeError, /padding: expected a padded input of at most 2\^36 pixels/],
        [set(2, 'stirde', 2), TypeError, /unknown option 'stirde': did you mean 'stride'/],
        [set(2, 'pad', 2), TypeError, /unknown option 'pad': did you mean 'padding'/],
        [set(2, 'xyzzy', 2), TypeError, /unknown option 'xyzzy': expected one of stride, padding/],
      ],
    },
    depthwiseConv2d: {
      eager: true,
      good: () => [values(1, 4, 5, 5), values(8, 1, 3, 3), convOptions()],
      tensors: [0, 1],
      vectors: [[2, 'bias']],
      objects: [2],
      faults: [
        ...windowFaults(2)!,
        [
          set(1, undefined, values(8, 2, 3, 3)),
          RangeError,
          /\[channels \* multiplier, 1, KH, KW\], got \[8, 2, 3, 3\]/,
        ],
        [set(1, undefined, values(9, 1, 3, 3)), RangeError, /got 9|expected 9/],
        [set(2, 'groups', 4), TypeError, /unknown option 'groups'/],
      ],
    },
    separableConv2d: {
      eager: true,
      good: () => [
        values(1, 4, 5, 5),
        values(8, 1, 3, 3),
        values(8, 8, 1, 1),
        { ...convOptions(), depthwiseBias: numbers(8), depthwiseActivation: 'relu' },
      ],
      tensors: [0, 1, 2],
      vectors: [
        [3, 'bias'],
        [3, 'depthwiseBias'],
      ],
      objects: [3],
      faults: [
        ...windowFaults(3)!,
        [set(2, undefined, values(6, 7, 1, 1)), RangeError, /expected 6 values/],
        [
          set(2, undefined, values(8, 7, 1, 1)),
          RangeError,
          /pointwise: expected 8 input channels \(8 channels \/ 1 groups\), got 7/,
        ],
        [set(2, undefined, values(8, 8, 3, 3)), RangeError, /pointwise: expected shape \[O, channels, 1, 1\]/],
      ],
    },
    convTranspose2d: {
      eager: true,
      good: () => [
        values(1, 4, 5, 5),
        values(4, 2, 3, 3),
        { stride: 2, padding: 1, dilation: 1, outputPadding: 1, groups: 2, bias: numbers(4), layout: 'nchw' },
      ],
      tensors: [0, 1],
      vectors: [[2, 'bias']],
      numbers: [
        [2, 'stride'],
        [2, 'padding'],
        [2, 'outputPadding'],
        [2, 'groups'],
      ],
      objects: [2],
      faults: [
        ...windowFaults(2)!,
        ...layoutFaults(2)!,
        [set(1, undefined, values(3, 2, 3, 3)), RangeError, /weight: expected 4 input channels \(axis 0\), got 3/],
        [set(2, 'outputPadding', 2), RangeError, /outputPadding: expected less than stride or dilation/],
        [set(2, 'padding', 30), RangeError, /result of at least 1 x 1/],
        [set(2, 'groups', 3), RangeError, /groups: expected a divisor of the 4 input channels, got 3/],
        [set(2, 'stride', 2 ** 30), RangeError, /at most 2\^36 pixels/],
        [set(0, undefined, values(1, 4, 0, 5)), RangeError, /got 0 x 5/],
      ],
    },
    prepareConv2d: {
      good: () => [
        values(8, 2, 3, 3),
        {
          bias: numbers(8),
          groups: 2,
          stride: 1,
          padding: 1,
          dilation: 1,
          padValue: numbers(4),
          activation: 'relu',
          layout: 'nchw',
        },
      ],
      tensors: [0],
      vectors: [
        [1, 'bias'],
        [1, 'padValue'],
      ],
      numbers: [
        [1, 'stride'],
        [1, 'padding'],
        [1, 'groups'],
      ],
      objects: [1],
      faults: [
        ...windowFaults(1)!,
        ...layoutFaults(1)!,
        ...activationFaults(1)!,
        [set(1, 'out', values(1, 8, 5, 5)), TypeError, /unknown option 'out'/],
        [set(1, 'padValue', numbers(3)), RangeError, /padValue: expected 4 values/],
      ],
    },
    scaleChannels: {
      eager: true,
      good: () => [
        values(1, 6, 5, 5),
        numbers(3),
        { shift: numbers(3), groups: 3, activation: 'relu', layout: 'nchw' },
      ],
      tensors: [0],
      vectors: [[1], [2, 'shift']],
      numbers: [[2, 'groups']],
      objects: [2],
      faults: [
        ...activationFaults(2)!,
        ...layoutFaults(2)!,
        [set(1, undefined, numbers(6)), RangeError, /scale: expected 3 values, one per group, got 6/],
        [
          (args) => {
            args[1] = numbers(4);
            args[2] = {};
          },
          RangeError,
          /divides the 6 channels, got 4/,
        ],
        [set(2, 'shift', numbers(2)), RangeError, /shift: expected 3 values/],
        [set(0, undefined, values(6)), RangeError, /rank 2 or more/],
      ],
    },
    batchNorm: {
      eager: true,
      good: () => [values(1, 6, 5, 5), norm(6), { activation: 'relu', layout: 'nchw' }],
      tensors: [0],
      vectors: [
        [1, 'gamma'],
        [1, 'beta'],
        [1, 'mean'],
        [1, 'variance'],
      ],
      numbers: [[1, 'epsilon']],
      objects: [1, 2],
      faults: [
        ...activationFaults(2)!,
        [set(1, undefined, undefined), TypeError, /norm/],
        [set(1, 'mean', undefined), TypeError, /mean/],
        [set(1, 'mean', numbers(5)), RangeError, /mean: expected 6 values, one per channel, got 5/],
        [set(1, 'epsilon', -1), RangeError, /epsilon/],
        [set(1, 'eps', 1), TypeError, /unknown option 'eps': did you mean 'epsilon'/],
      ],
    },
    groupNorm: {
      eager: true,
      good: () => [
        values(1, 6, 5, 5),
        3,
        { gamma: numbers(6), beta: numbers(6), epsilon: 1e-5, activation: 'relu', layout: 'nchw' },
      ],
      tensors: [0],
      vectors: [
        [2, 'gamma'],
        [2, 'beta'],
      ],
      numbers: [[1], [2, 'epsilon']],
      objects: [2],
      faults: [
        ...activationFaults(2)!,
        ...layoutFaults(2)!,
        [set(1, undefined, 4), RangeError, /groups: expected a divisor of the 6 channels, got 4/],
        [set(1, undefined, 0), RangeError, /groups/],
      ],
    },
    instanceNorm: {
      eager: true,
      good: () => [
        values(1, 6, 5, 5),
        { gamma: numbers(6), beta: numbers(6), epsilon: 1e-5, activation: 'relu', layout: 'nchw' },
      ],
      tensors: [0],
      vectors: [
        [1, 'gamma'],
        [1, 'beta'],
      ],
      numbers: [[1, 'epsilon']],
      objects: [1],
      faults: [...activationFaults(1)!, [set(0, undefined, values(6)), RangeError, /rank 2 or more/]],
    },
    layerNorm: {
      eager: true,
      good: () => [
        values(2, 3, 4),
        { gamma: numbers(12), beta: numbers(12), epsilon: 1e-5, axis: 1, activation: 'relu' },
      ],
      tensors: [0],
      vectors: [
        [1, 'gamma'],
        [1, 'beta'],
      ],
      numbers: [
        [1, 'epsilon'],
        [1, 'axis'],
      ],
      objects: [1],
      faults: [...activationFaults(1)!, [set(1, 'axis', 3), RangeError, /axis/]],
    },
    prelu: {
      eager: true,
      good: () => [values(1, 6, 5, 5), numbers(6), { layout: 'nchw' }],
      tensors: [0],
      vectors: [[1]],
      objects: [2],
      faults: [
        ...layoutFaults(2)!,
        [set(1, undefined, numbers(5)), RangeError, /slope: expected 1 value or 6/],
        [set(1, undefined, values(4, 5)), RangeError, /broadcasts to \[1, 6, 5, 5\], got \[4, 5\]/],
      ],
    },
    squeezeExcite: {
      eager: true,
      good: () => [
        values(1, 6, 5, 5),
        values(2, 6),
        numbers(2),
        values(6, 2),
        numbers(6),
        { activation: 'relu', gate: 'sigmoid', layout: 'nchw' },
      ],
      tensors: [0, 1, 3],
      vectors: [[2], [4]],
      objects: [5],
      faults: [
        ...activationFaults(5)!,
        [set(1, undefined, values(2, 5)), RangeError, /w1: expected shape \[R, 6\], got \[2, 5\]/],
        [set(3, undefined, values(6, 3)), RangeError, /w2: expected shape \[6, 2\], got \[6, 3\]/],
        [set(5, 'gate', 'sigmod'), RangeError, /gate: .*did you mean 'sigmoid'/],
        [set(0, undefined, values(1, 6, 0, 5)), RangeError, /pixels/],
      ],
    },
    maxPool2d: pools((...args) => lanewise.maxPool2d(...(args as Parameters<typeof lanewise.maxPool2d>))),
    avgPool2d: pools((...args) => lanewise.avgPool2d(...(args as Parameters<typeof lanewise.avgPool2d>))),
    globalAvgPool: globals((...args) => lanewise.globalAvgPool(...(args as [Tensor]))),
    globalMaxPool: globals((...args) => lanewise.globalMaxPool(...(args as [Tensor]))),
    resize2d: {
      eager: true,
      good: () => [
        values(1, 2, 4, 4),
        { scale: 2, mode: 'nearest', coordinates: 'halfPixel', rounding: 'floor', layout: 'nchw' },
      ],
      tensors: [0],
      numbers: [[1, 'scale']],
      objects: [1],
      faults: [
        ...layoutFaults(1)!,
        [set(1, undefined, undefined), RangeError, /expected either size or scale, got neither/],
        [set(1, 'size', [4, 4]), RangeError, /got both/],
        [set(1, 'scale', -1), RangeError, /positive/],
        [set(1, 'scale', 0.01), RangeError, /got 0 x 0/],
        [set(1, 'scale', 1e9), RangeError, /2\^36/],
        [set(1, undefined, { size: [0, 4] }), RangeError, /size/],
        [set(1, undefined, { size: [4, '4'] }), TypeError, /size/],
        [set(1, 'mode', 'cubic'), RangeError, /mode: expected one of nearest, linear, got 'cubic'/],
        [set(1, 'coordinates', 'half_pixel'), RangeError, /did you mean 'halfPixel'/],
        [set(1, 'rounding', 1), TypeError, /rounding/],
        [set(0, undefined, values(1, 2, 0, 4)), RangeError, /pixels/],
      ],
    },
    linear: {
      eager: true,
      good: () => [
        values(2, 5),
        values(3, 5),
        { bias: numbers(3), scale: numbers(3), shift: numbers(3), residual: values(2, 3), activation: 'relu' },
      ],
      tensors: [0, 1],
      tensorFields: [[2, 'residual']],
      vectors: [[2, 'bias']],
      objects: [2],
      faults: [
        ...activationFaults(2)!,
        [set(1, undefined, values(3, 4)), RangeError, /weight: expected 5 inputs \(the last axis of x\), got 4/],
        [set(0, undefined, values(5)), RangeError, /rank 2 or more/],
        [set(2, 'gate', values(2, 3)), TypeError, /unknown option 'gate'/],
      ],
    },
    matmul: {
      eager: true,
      good: () => [values(2, 3, 4), values(2, 4, 5), { transposeB: false }],
      tensors: [0, 1],
      objects: [2],
      faults: [
        [set(1, undefined, values(2, 3, 5)), RangeError, /b: expected an inner extent of 4/],
        [set(1, undefined, values(3, 4, 5)), RangeError, /broadcast/],
        [set(1, undefined, values(4)), RangeError, /b: expected rank 2 or more/],
        [set(2, 'transposeB', 1), TypeError, /transposeB/],
      ],
    },
    softmax: softmaxes((...args) => lanewise.softmax(...(args as [Tensor]))),
    logSoftmax: softmaxes((...args) => lanewise.logSoftmax(...(args as [Tensor]))),
    concat: {
      eager: true,
      good: () => [[values(1, 2, 3), values(1, 4, 3)], { axis: 1 }],
      numbers: [[1, 'axis']],
      objects: [1],
      faults: [
        [set(0, undefined, values(1, 2)), TypeError, /tensors: expected an array/],
        [set(0, undefined, []), RangeError, /at least one/],
        [set(0, undefined, [values(1, 2, 3), null]), TypeError, /tensors\[1\]: expected a float32 Tensor, got null/],
        [set(0, undefined, new Array(2)), TypeError, /tensors\[0\]/],
        [
          set(0, undefined, [values(1, 2, 3), values(1, 2, 4)]),
          RangeError,
          /tensors\[1\]: expected shape \[1, \*, 3\], got \[1, 2, 4\]/,
        ],
        [set(0, undefined, [values(1, 2, 3), values(1, 2)]), RangeError, /tensors\[1\]/],
      ],
    },
    split: {
      good: () => [values(1, 6, 3), [2, 4], { axis: 1 }],
      tensors: [0],
      numbers: [[1], [2, 'axis']],
      objects: [2],
      faults: [
        [set(1, undefined, [2, 3]), RangeError, /add up to 6, got \[2, 3\]/],
        [set(1, undefined, 4), RangeError, /divisor/],
        [set(1, undefined, []), RangeError, /add up/],
        [set(1, undefined, [7, -1]), RangeError, /parts\[1\]/],
        [set(2, 'out', values(1)), TypeError, /unknown option 'out'/],
      ],
    },
    channelShuffle: {
      eager: true,
      good: () => [values(1, 6, 3, 3), 2, { layout: 'nchw' }],
      tensors: [0],
      numbers: [[1]],
      objects: [2],
      faults: [...layoutFaults(2)!, [set(1, undefined, 4), RangeError, /divisor of the 6 channels/]],
    },
    transpose: {
      eager: true,
      good: () => [values(1, 6, 3), [2, 0, 1], {}],
      tensors: [0],
      objects: [2],
      faults: [
        [set(1, undefined, [0, 1]), RangeError, /each of the 3 axes once/],
        [set(1, undefined, [0, 1, 1]), RangeError, /once/],
        [set(1, undefined, [0, 1, 3]), RangeError, /once/],
        [set(1, undefined, '012'), TypeError, /permutation/],
      ],
    },
    pad: {
      eager: true,
      good: () => [
        values(2, 3),
        [
          [1, 1],
          [0, 2],
        ],
        { mode: 'constant', value: 1 },
      ],
      tensors: [0],
      objects: [2],
      faults: [
        [set(1, undefined, [[1, 1]]), RangeError, /expected 2 pairs/],
        [set(1, undefined, [1, 1]), TypeError, /padding\[0\]/],
        [set(1, undefined, [[1], [1]]), RangeError, /\[before, after\]/],
        [
          set(1, undefined, [
            [-1, 0],
            [0, 0],
          ]),
          RangeError,
          /padding\[0\]\[0\]/,
        ],
        [set(1, undefined, 1), TypeError, /padding/],
        [set(2, 'mode', 'mirror'), RangeError, /mode/],
        [set(2, 'value', '0'), TypeError, /value/],
        [
          (args) => {
            args[1] = [
              [2, 0],
              [0, 0],
            ];
            args[2] = { mode: 'reflect' };
          },
          RangeError,
          /at most 1 elements to reflect on an axis of 2/,
        ],
      ],
    },
    reduce: {
      eager: true,
      good: () => [values(2, 3), 'sum', { axes: [1], keepDims: true }],
      tensors: [0],
      objects: [2],
      faults: [
        [set(1, undefined, 'avg'), RangeError, /fn: expected one of sum, mean/],
        [set(1, undefined, undefined), TypeError, /fn/],
        [set(2, 'axes', [2]), RangeError, /axes\[0\]/],
        [set(2, 'axes', [1, -1]), RangeError, /each axis once/],
        [set(2, 'axes', 1), TypeError, /axes/],
        [set(2, 'keepDims', 'yes'), TypeError, /keepDims/],
      ],
    },
    ...Object.fromEntries(
      (['add', 'sub', 'mul', 'div', 'minimum', 'maximum', 'pow'] as const).map((name) => [
        name,
        binaries((...args) => functions[name]!(...args)),
      ]),
    ),
    ...Object.fromEntries(
      (
        [
          'relu',
          'sigmoid',
          'silu',
          'tanh',
          'gelu',
          'geluTanh',
          'softplus',
          'mish',
          'abs',
          'neg',
          'exp',
          'log',
          'sqrt',
          'reciprocal',
          'floor',
          'ceil',
          'round',
          'sign',
          'erf',
        ] as const
      ).map((name) => [name, unaries((...args) => functions[name]!(...args))]),
    ),
    clip: unaries((...args) => lanewise.clip(...(args as [Tensor])), 'min', 'max'),
    leakyRelu: unaries((...args) => lanewise.leakyRelu(...(args as [Tensor])), 'slope'),
    elu: unaries((...args) => lanewise.elu(...(args as [Tensor])), 'alpha'),
    hardSigmoid: unaries((...args) => lanewise.hardSigmoid(...(args as [Tensor])), 'alpha', 'beta'),
    hardSwish: unaries((...args) => lanewise.hardSwish(...(args as [Tensor])), 'alpha', 'beta'),
    foldBatchNorm: {
      good: () => [{ weight: values(4, 2, 3, 3), bias: numbers(4), groups: 2, transposed: false }, norm(4)],
      vectors: [
        [0, 'bias'],
        [1, 'gamma'],
        [1, 'mean'],
        [1, 'variance'],
      ],
      tensorFields: [[0, 'weight']],
      numbers: [
        [0, 'groups'],
        [1, 'epsilon'],
      ],
      objects: [0, 1],
      faults: [
        [set(0, undefined, undefined), TypeError, /layer/],
        [set(1, undefined, undefined), TypeError, /norm/],
        [set(0, 'weight', undefined), TypeError, /weight/],
        [set(0, 'weight', values(4)), RangeError, /rank 2 or more/],
        [set(0, 'groups', 3), RangeError, /divisor of the 4 output channels, got 3/],
        [set(0, 'bias', numbers(3)), RangeError, /bias: expected 4 values/],
        [set(1, 'mean', numbers(3)), RangeError, /mean: expected 4 values/],
        [set(0, 'transposed', 1), TypeError, /transposed/],
      ],
    },
    foldScale: {
      good: () => [
        { weight: values(4, 2, 3, 3), bias: numbers(4), groups: 2 },
        { scale: numbers(4), shift: numbers(4) },
        'after',
      ],
      vectors: [
        [0, 'bias'],
        [1, 'scale'],
        [1, 'shift'],
      ],
      tensorFields: [[0, 'weight']],
      objects: [0, 1],
      faults: [
        [set(1, undefined, undefined), TypeError, /affine/],
        [set(1, 'scale', undefined), TypeError, /scale/],
        [set(1, 'scale', numbers(3)), RangeError, /divides the 4 channels, got 3/],
        [set(2, undefined, undefined), TypeError, /where/],
        [set(2, undefined, 'behind'), RangeError, /where/],
      ],
    },
    tensor: {
      good: () => [numbers(6), [2, 3]],
      vectors: [[0]],
      faults: [
        [set(0, undefined, new Float64Array(6)), TypeError, /expected a Float32Array.*got a Float64Array/],
        [set(0, undefined, undefined), TypeError, /undefined/],
        [set(0, undefined, [1, 2, 3, 4, 5, '6']), TypeError, /'6' at index 5/],
        [set(1, undefined, [2, 4]), RangeError, /expected 8 elements for shape \[2, 4\], got 6/],
        [set(1, undefined, [-2, -3]), RangeError, /at least 0/],
        [set(1, undefined, [1.5, 4]), RangeError, /integers/],
        [set(1, undefined, [Number.NaN]), RangeError, /integers/],
        [set(1, undefined, [2 ** 53, 2 ** 53]), RangeError, /integers|2\^36/],
        [set(1, undefined, [2 ** 20, 2 ** 20]), RangeError, /2\^36/],
        [set(1, undefined, ['2', 3]), TypeError, /'2'/],
        [set(1, undefined, new Array(2)), TypeError, /undefined/],
        [set(1, undefined, 6), TypeError, /array of extents, got 6/],
        [set(1, undefined, undefined), TypeError, /array of extents/],
        [(args) => args.push('bool'), TypeError, /expected a Uint8Array for bool/],
        [(args) => args.push('float16'), TypeError, /expected one of float32/],
      ],
    },
    setThreads: {
      good: () => [0],
      numbers: [[0]],
      faults: [
        [set(0, undefined, -1), RangeError, /from 0 to 64, got -1/],
        [set(0, undefined, 1.5), RangeError, /1\.5/],
        [set(0, undefined, 65), RangeError, /65/],
        [set(0, undefined, Infinity), RangeError, /Infinity/],
        [set(0, undefined, null), TypeError, /null/],
      ],
    },
  } satisfies Record<string, Omit<Entry, 'run'> & { run?: Entry['run'] }>).map(([name, entry]) => [
    name,
    { run: functions[name]!, ...(entry as Omit<Entry, 'run'>) },
  ]),
);

const detach = (array: Float32Array): Float32Array => {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
};
const resizable = (length: number): Float32Array => {
  const make = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
  return new Float32Array(new make(4 * length, { maxByteLength: 8 * length + 8 }));
};
const forged = (fields: object): unknown =>
  Object.assign(Object.create(Tensor.prototype) as object, { type: 'float32', ...fields });

/** Values that are no tensor, with what the message says of each. */
const strangers: readonly (readonly [() => unknown, RegExp])[] = [
  [() => null, /got null/],
  [() => undefined, /got undefined/],
  [() => 'x', /got 'x'/],
  [() => ({ data: new Float32Array(4), shape: [4] }), /got an Object/],
  [() => new Float32Array(4), /got a Float32Array/],
  [() => [1, 2], /got \[1, 2\]/],
  [() => Symbol('x'), /got a symbol/],
  [() => tensor(new Int32Array(4), [4]), /got int32/],
  [() => tensor(new Uint8Array(4), [4], 'bool'), /got bool/],
  [() => forged({ data: new Float64Array(4), shape: [4] }), /Float32Array in the Tensor, got a Float64Array/],
  [() => forged({ data: new Float32Array(new SharedArrayBuffer(16)), shape: [4] }), /SharedArrayBuffer/],
  [() => forged({ data: resizable(4), shape: [4] }), /resizable/],
  [() => forged({ data: new Float32Array(4), shape: 4 }), /array of extents/],
];

function refuse(
  t: ExecutionContext,
  name: string,
  { run, good }: Entry,
  change: (args: Arguments) => void,
  type: typeof TypeError | typeof RangeError,
  message: RegExp,
  what: string,
): void {
  const args = good();
  change(args);
  const error = t.throws(() => run(...args), undefined, what);
  t.true(
    error?.constructor === type,
    `${what}: expected ${type.name}, got ${error?.constructor.name}: ${error?.message}`,
  );
  t.regex(error!.message, message, what);
  const prefix = name === 'tensor' ? /^[Tt]ensor: / : new RegExp(`^${name}: `);
  t.regex(error!.message, prefix, what);
}

for (const [name, entry] of Object.entries(table)) {
  test(name, (t) => {
    const check = (
      change: (args: Arguments) => void,
      type: typeof TypeError | typeof RangeError,
      message: RegExp,
      what: string,
    ) => refuse(t, name, entry, change, type, message, what);
    t.notThrows(() => entry.run(...entry.good()), 'good arguments');
    const places = [
      ...(entry.tensors ?? []).map((position) => [position, undefined] as const),
      ...(entry.tensorFields ?? []),
    ];
    for (const [position, field] of places) {
      for (const [make, message] of strangers) {
        const value = make();
        if (field !== undefined && value === undefined) continue; // an option left out
        check(set(position, field, value), TypeError, message, `argument ${position} ${field}: ${message}`);
      }
      const own = (args: Arguments) =>
        (field === undefined ? args[position] : (args[position] as Record<string, unknown>)[field]) as Tensor;
      check((args) => void detach(own(args).data), TypeError, /detached/, `argument ${position} ${field}: detached`);
      check(
        (args) => set(position, field, forged({ data: own(args).data, shape: [1000, 1000] }))(args),
        RangeError,
        /expected 1000000 elements/,
        `argument ${position} ${field}: forged shape`,
      );
    }
    for (const [position, field] of entry.vectors ?? []) {
      const at = `vector ${position} ${field}`;
      check(set(position, field, 'x'), TypeError, /'x'/, `${at}: string`);
      check(set(position, field, new Float64Array(4)), TypeError, /a Float64Array/, `${at}: doubles`);
      check(set(position, field, [1, '2']), TypeError, /'2' at index 1/, `${at}: strings`);
      check(
        set(position, field, new Float32Array(new SharedArrayBuffer(16))),
        TypeError,
        /SharedArrayBuffer/,
        `${at}: shared`,
      );
      check(set(position, field, resizable(4)), TypeError, /resizable/, `${at}: resizable`);
      check(set(position, field, detach(new Float32Array(4))), TypeError, /detached/, `${at}: detached`);
    }
    for (const [position, field] of entry.numbers ?? []) {
      check(set(position, field, Number.NaN), RangeError, /NaN/, `number ${position} ${field}: NaN`);
      // Padding may be a word.
      check(
        set(position, field, '1'),
        field === 'padding' ? RangeError : TypeError,
        /'1'/,
        `number ${position} ${field}: string`,
      );
      check(set(position, field, 1n), TypeError, /1n/, `number ${position} ${field}: bigint`);
    }
    for (const position of entry.objects ?? []) {
      for (const [value, message] of [
        [null, /null/],
        [7, /7/],
        ['relu', /'relu'/],
        [[1], /\[1\]/],
        [new Float32Array(1), /Float32Array/],
        [values(1), /Tensor/],
      ] as const) {
        check(set(position, undefined, value), TypeError, message, `options ${position}: ${String(value)}`);
      }
      for (const field of Object.keys(entry.good()[position] as object)) {
        if (field.length < 4) continue;
        const misspelt = field.slice(0, 2) + field[3] + field[2] + field.slice(4);
        if (misspelt === field) continue;
        check(
          set(position, misspelt, 1),
          TypeError,
          new RegExp(`unknown option '${misspelt}': did you mean '${field}'`),
          `misspelt ${field}`,
        );
      }
      check(set(position, 'xyzzy', 1), TypeError, /unknown option 'xyzzy'/, 'unknown option');
    }
    for (const [change, type, message] of entry.faults ?? []) check(change, type, message, String(message));
    if (entry.eager) {
      const last = entry.good().length - 1;
      const result = entry.run(...entry.good()) as Tensor;
      check(set(last, 'isa', 'sse2'), RangeError, /isa: expected one of scalar/, 'unknown isa');
      check(
        set(last, 'out', new Float32Array(result.size)),
        TypeError,
        /out: expected a float32 Tensor/,
        'out of another type',
      );
      check(
        set(last, 'out', tensor(new Float32Array(result.size + 1), [result.size + 1])),
        RangeError,
        /out: expected shape/,
        'out of another shape',
      );
      const foreign = t.throws(() =>
        entry.run(
          ...Object.assign(entry.good(), {
            [last]: { ...(entry.good()[last] as object), isa: process.arch === 'x64' ? 'neon' : 'avx2' },
          }),
        ),
      );
      t.is((foreign as { code?: string }).code, 'ERR_ISA_UNAVAILABLE');
      t.true(foreign instanceof lanewise.LanewiseError);

      // The same result in place; and never over an operand.
      const args = entry.good();
      const out = tensor(new Float32Array(result.size).fill(Number.NaN), result.shape);
      const expected = entry.run(...args) as Tensor;
      set(last, 'out', out)(args);
      t.is(entry.run(...args), out);
      t.deepEqual(out.data, expected.data, 'out');
      const x = (Array.isArray(args[0]) ? (args[0] as Tensor[])[0] : args[0]) as Tensor;
      const size = Math.max(x.size, result.size);
      const buffer = new Float32Array(size + x.size);
      const moved = tensor(buffer.subarray(0, x.size), x.shape);
      const over = tensor(buffer.subarray(x.size - 1, x.size - 1 + result.size), result.shape);
      const overlapping = entry.good();
      overlapping[0] = Array.isArray(overlapping[0]) ? [moved, ...(overlapping[0] as Tensor[]).slice(1)] : moved;
      set(last, 'out', over)(overlapping);
      t.throws(() => entry.run(...overlapping), { instanceOf: RangeError, message: /out: expected memory of its own/ });
    }
    t.notThrows(() => entry.run(...entry.good()), 'good arguments still work');
  });
}

test('every public function is in the table', (t) => {
  const elsewhere = ['loadModel', 'foldModel', 'fromPixels', 'cpuInfo']; // they have tests of their own
  const found = Object.entries(lanewise).filter(([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name));
  t.deepEqual(
    found.map(([name]) => name).filter((name) => !(name in table) && !elsewhere.includes(name)),
    [],
  );
});
