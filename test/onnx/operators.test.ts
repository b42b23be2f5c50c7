/** Operators beyond the conformance cases: attributes and geometries against onnxruntime, on the native engine. */
import test from 'ava';
import { loadModel, Tensor } from 'lanewise';
import { relativeDifference, runOnnxruntime } from '../support/check-model.js';
import {
  type AttributeSpec,
  buildModel,
  float,
  floats,
  ints,
  random,
  type TensorSpec,
  uniform,
} from '../support/onnx-builder.js';

interface Case {
  readonly op: string;
  /** Inputs: run-time values, `{ constant }` for initializers, null for one left out. */
  readonly inputs: readonly ((TensorSpec & { data: Float32Array }) | { readonly constant: TensorSpec } | null)[];
  readonly attributes?: Readonly<Record<string, AttributeSpec>>;
  readonly outputs?: number;
  readonly opset?: number;
  readonly tolerance?: number;
}

let seed = 1;
const tensor = (...shape: number[]) => random(shape, seed++);
const between = (low: number, high: number, ...shape: number[]) =>
  uniform(shape, seed++, low, high) as TensorSpec & { data: Float32Array };
const fixed = (constant: TensorSpec) => ({ constant });
const text = (value: unknown): string => JSON.stringify(value, (_, item) => (item?.value as unknown) ?? item);

async function check(
  t: { true: (ok: boolean, message: string) => void; deepEqual: (a: unknown, b: unknown, message: string) => void },
  { op, inputs, attributes = {}, outputs = 1, opset = 18, tolerance = 3e-6 }: Case,
): Promise<void> {
  const feeds: Record<string, TensorSpec & { data: Float32Array }> = {};
  const constants: Record<string, TensorSpec> = {};
  const names = inputs.map((input, i) => {
    if (!input) return '';
    if ('constant' in input) constants[`c${i}`] = input.constant;
    else feeds[`x${i}`] = input;
    return 'constant' in input ? `c${i}` : `x${i}`;
  });
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const bytes = buildModel({
    inputs: Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape])),
    outputs: results,
    nodes: [{ op, inputs: names, outputs: results, attributes }],
    constants,
    opset,
  });
  const what = `${op}@${opset} ${text(attributes)} of ${inputs.map((x) => x && text('constant' in x ? 'constant' : x.shape)).join(' ')}`;
  const expected = await runOnnxruntime(bytes, feeds);
  const model = await loadModel(bytes);
  const given = Object.entries(feeds).map(([name, { data, shape }]) => [name, new Tensor('float32', data, shape)]);
  const actual = await model.run(Object.fromEntries(given) as Record<string, Tensor>);
  for (const name of results) {
    const got = actual[name]!;
    const want = expected[name]!;
    t.deepEqual([...got.shape], [...want.dims], `shape of ${what}`);
    const difference = relativeDifference(got.data as Float32Array, want.data);
    t.true(difference <= tolerance, `${what}: ${name} differs by ${difference}`);
  }
  model.dispose();
}

/** Every combination of the listed values, one of each list. */
function combinations<T extends Record<string, readonly unknown[]>>(lists: T): { [K in keyof T]: T[K][number] }[] {
  let rows: Record<string, unknown>[] = [{}];
  for (const [key, values] of Object.entries(lists))
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [key]: value })));
  return rows as { [K in keyof T]: T[K][number] }[];
}

const unary: Case[] =
  'Sin Cos Tan Atan Sinh Cosh Asinh Softsign Selu Celu Elu ThresholdedRelu Shrink Softplus Mish Hardmax'
    .split(' ')
    .map((op) => ({ op, inputs: [between(-3, 3, 3, 5, 7)] }));
const parameters: Case[] = [
  ...'Asin Acos Atanh'.split(' ').map((op) => ({ op, inputs: [between(-0.99, 0.99, 40)] })),
  { op: 'Acosh', inputs: [between(1, 9, 40)] },
  { op: 'Selu', inputs: [between(-3, 3, 50)], attributes: { alpha: 1.25, gamma: 2.5 } },
  { op: 'Celu', inputs: [between(-3, 3, 50)], attributes: { alpha: 0.7 } },
  { op: 'ThresholdedRelu', inputs: [between(-3, 3, 50)], attributes: { alpha: 0.3 } },
  { op: 'Shrink', inputs: [between(-3, 3, 50)], attributes: { lambd: 0.9, bias: 0.2 } },
  { op: 'Hardmax', inputs: [tensor(3, 4, 5)], attributes: { axis: 1 } },
  { op: 'Hardmax', inputs: [tensor(3, 4, 5)], attributes: { axis: 1 }, opset: 11 },
  { op: 'Clip', inputs: [between(-3, 3, 4, 5), floats([], [-0.5]) as never, floats([], [1.5]) as never] },
  { op: 'Clip', inputs: [between(-3, 3, 4, 5), null, floats([], [0.25]) as never] },
  { op: 'Clip', inputs: [between(-3, 3, 4, 5), floats([], [2]) as never, floats([], [-1]) as never] },
  { op: 'Mod', inputs: [between(-9, 9, 3, 20), between(1, 3, 20)], attributes: { fmod: 1 } },
  { op: 'Mod', inputs: [between(-9, 9, 2, 3, 4, 5), between(-3, -1, 3, 1, 1)], attributes: { fmod: 1 } },
  {
    op: 'BatchNormalization',
    inputs: [tensor(4, 1), ...[tensor(1), tensor(1), tensor(1), between(0.5, 2, 1)].map(fixed)],
  },
  { op: 'Mean', inputs: [tensor(7), tensor(7), tensor(1)] },
  { op: 'Gemm', inputs: [tensor(3, 4), fixed(random([4, 5], 1))], attributes: { alpha: 0.5 } },
  {
    op: 'Gemm',
    inputs: [tensor(4, 3), tensor(5, 4), tensor(3, 1)],
    attributes: { alpha: 0.5, beta: float(2), transA: 1, transB: 1 },
  },
  { op: 'Gemm', inputs: [tensor(3, 4), tensor(4, 5), tensor(5)], attributes: { beta: float(0) } },
];

const normalizations: Case[] = [
  ...combinations({ size: [1, 3, 5, 9], beta: [0.75, 0.5, 1, 0.6] }).map((attributes) => ({
    op: 'LRN',
    inputs: [between(-3, 3, 2, 7, 5, 6)],
    attributes: { ...attributes, alpha: 0.01, bias: float(2), beta: float(attributes.beta) },
  })),
  { op: 'LRN', inputs: [tensor(1, 3, 40, 40)], attributes: { size: 5 } },
  ...combinations({ axis: [0, 1, 2, -1], p: [1, 2] }).map((attributes) => ({
    op: 'LpNormalization',
    inputs: [tensor(3, 4, 5)],
    attributes,
  })),
  { op: 'MeanVarianceNormalization', inputs: [tensor(2, 3, 4, 5)], opset: 13 },
  { op: 'MeanVarianceNormalization', inputs: [tensor(2, 3, 4, 5)], attributes: { axes: [0, 1, 2, 3] }, opset: 13 },
  {
    op: 'LayerNormalization',
    inputs: [tensor(3, 4, 5), tensor(4, 5), tensor(4, 5)],
    attributes: { axis: 1 },
    outputs: 3,
  },
  { op: 'BatchNormalization', inputs: [tensor(2, 3, 4, 5), tensor(3), tensor(3), tensor(3), between(0.5, 2, 3)] },
  { op: 'BatchNormalization', inputs: [tensor(2, 3), tensor(3), tensor(3), tensor(3), between(0.5, 2, 3)] },
  ...[1, 2, 3].map((p) => ({ op: 'GlobalLpPool', inputs: [tensor(2, 3, 4, 5)], attributes: { p } })),
];

const pools: Case[] = [
  ...combinations({
    p: [1, 2, 3],
    ceil_mode: [0, 1],
    strides: [
      [1, 1],
      [2, 3],
    ] as const,
    pads: [
      [0, 0, 0, 0],
      [1, 0, 0, 1],
    ] as const,
  }).map((attributes) => ({
    op: 'LpPool',
    inputs: [tensor(1, 2, 7, 8)],
    attributes: { ...attributes, kernel_shape: [3, 2] },
  })),
  { op: 'LpPool', inputs: [tensor(1, 2, 9)], attributes: { kernel_shape: [3], auto_pad: 'SAME_UPPER', strides: [2] } },
  {
    op: 'MaxPool',
    inputs: [tensor(1, 2, 5, 6, 7)],
    attributes: { kernel_shape: [2, 3, 2], strides: [2, 1, 2], pads: [1, 1, 0, 0, 1, 1] },
  },
  ...combinations({ count_include_pad: [0, 1], ceil_mode: [0, 1] }).map((attributes) => ({
    op: 'AveragePool',
    inputs: [tensor(1, 2, 5, 6, 7)],
    attributes: { ...attributes, kernel_shape: [2, 3, 2], strides: [2, 1, 1], pads: [1, 1, 0, 0, 1, 1] },
  })),
];

const coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const;
const noRegion = fixed(floats([0], []));
const scaled = (...scales: number[]) => [noRegion, fixed(floats([scales.length], scales))];
const sized = (...sizes: number[]) => [noRegion, fixed(floats([0], [])), fixed(ints(...sizes))];

const resizes: Case[] = [
  ...combinations({
    coordinate_transformation_mode: coordinates,
    exclude_outside: [0, 1],
    cubic_coeff_a: [-0.75, -0.5],
    inputs: [
      [tensor(1, 2, 5, 4), ...sized(1, 2, 9, 7)],
      [tensor(1, 2, 8, 9), ...sized(1, 2, 5, 4)],
      [tensor(1, 2, 4, 4), ...scaled(1, 1, 2, 2.5)],
    ],
  }).map(({ inputs, ...attributes }) => ({ op: 'Resize', inputs, attributes: { ...attributes, mode: 'cubic' } })),
  ...combinations({
    mode: ['linear', 'cubic'],
    coordinate_transformation_mode: ['half_pixel', 'pytorch_half_pixel', 'asymmetric'],
    exclude_outside: [0, 1],
    inputs: [
      [tensor(1, 2, 9, 12), ...sized(1, 2, 4, 5)],
      [tensor(1, 2, 9, 12), ...sized(1, 2, 5, 20)],
    ],
  })
    .filter(({ mode, exclude_outside: exclude }) => mode === 'cubic' || exclude === 0)
    .map(({ inputs, ...attributes }) => ({ op: 'Resize', inputs, attributes: { ...attributes, antialias: 1 } })),
  ...combinations({
    nearest_mode: ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
    coordinate_transformation_mode: coordinates,
    inputs: [
      [tensor(2, 3, 4, 5), ...sized(4, 2, 8, 3)],
      [tensor(3, 4, 5), ...sized(5, 2, 9)],
      [tensor(7), ...sized(12)],
      [tensor(2, 2, 3, 4, 5), ...sized(2, 2, 4, 8, 9)],
    ],
  }).map(({ inputs, ...attributes }) => ({ op: 'Resize', inputs, attributes: { ...attributes, mode: 'nearest' } })),
  ...coordinates.map((mode) => ({
    op: 'Resize',
    inputs: [tensor(2, 2, 3, 4, 5), ...sized(2, 2, 5, 3, 8)],
    attributes: { mode: 'linear', coordinate_transformation_mode: mode },
  })),
  { op: 'Resize', inputs: [tensor(4, 5), ...sized(7, 3)], attributes: { mode: 'linear' } },
  ...combinations({
    mode: ['nearest', 'linear', 'cubic'],
    keep_aspect_ratio_policy: ['not_larger', 'not_smaller'],
  }).map((attributes) => ({
    op: 'Resize',
    inputs: [tensor(1, 2, 4, 6), ...sized(9, 7)],
    attributes: { ...attributes, axes: [2, 3] },
  })),
  ...combinations({
    mode: ['nearest', 'linear'],
    region: [
      [0.1, 0.2, 0.8, 0.9],
      [-0.2, 0.1, 0.7, 1.3],
      [0.9, 1, 0, 0.1],
    ],
  }).map(({ mode, region }) => ({
    op: 'Resize',
    inputs: [
      tensor(1, 2, 5, 6),
      fixed(floats([8], [0, 0, region[0]!, region[1]!, 1, 1, region[2]!, region[3]!])),
      fixed(floats([0], [])),
      fixed(ints(1, 2, 4, 7)),
    ],
    attributes: { mode, coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: 0.5 },
  })),
  {
    op: 'Resize',
    inputs: [tensor(1, 1, 3, 4), ...sized(1, 1, 7, 9)],
    attributes: { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
    opset: 11,
  },
  ...['nearest', 'linear'].flatMap((mode) => [
    {
      op: 'Resize',
      inputs: [tensor(1, 2, 4, 6), fixed(floats([4], [1, 1, 1.5, 0.5]))],
      attributes: { mode },
      opset: 10,
    },
    { op: 'Upsample', inputs: [tensor(1, 2, 4, 6), fixed(floats([4], [1, 1, 2, 3]))], attributes: { mode }, opset: 9 },
    { op: 'Upsample', inputs: [tensor(1, 2, 4, 6)], attributes: { mode, scales: [1, 1, 2.5, 1.5] }, opset: 7 },
  ]),
];

const samples: Case[] = [
  ...combinations({
    mode: ['bilinear', 'nearest', 'bicubic'],
    padding_mode: ['zeros', 'border', 'reflection'],
    align_corners: [0, 1],
  }).map((attributes) => ({
    op: 'GridSample',
    inputs: [tensor(2, 3, 6, 5), between(-1.7, 1.7, 2, 4, 11, 2)],
    attributes,
    opset: 16,
    tolerance: 2e-5,
  })),
  ...combinations({
    mode: ['linear', 'nearest'],
    padding_mode: ['zeros', 'border', 'reflection'],
    align_corners: [0, 1],
  }).map((attributes) => ({
    op: 'GridSample',
    inputs: [tensor(1, 2, 4, 5, 6), between(-1.5, 1.5, 1, 3, 4, 5, 3)],
    attributes,
    opset: 20,
    tolerance: 2e-5,
  })),
  ...combinations({ align_corners: [0, 1] }).flatMap((attributes) => [
    { op: 'AffineGrid', inputs: [tensor(2, 2, 3), fixed(ints(2, 3, 5, 6))], attributes, opset: 20 },
    { op: 'AffineGrid', inputs: [tensor(2, 3, 4), fixed(ints(2, 3, 4, 5, 6))], attributes, opset: 20 },
  ]),
  ...combinations({
    coordinate_transformation_mode: ['half_pixel', 'output_half_pixel'],
    mode: ['avg', 'max'],
    sampling_ratio: [0, 2],
  }).map((attributes) => ({
    op: 'RoiAlign',
    inputs: [
      tensor(2, 3, 9, 11),
      { shape: [3, 4], data: Float32Array.of(1, 2, 17, 14, -3, 0, 6, 5, 8, 8, 30, 30) },
      fixed(ints(1, 0, 1)),
    ],
    attributes: { ...attributes, output_height: 3, output_width: 4, spatial_scale: 0.5 },
    tolerance: 1e-5,
  })),
  {
    op: 'MaxRoiPool',
    inputs: [
      tensor(2, 3, 9, 11),
      { shape: [3, 5], data: Float32Array.of(1, 1, 2, 17, 14, 0, 3, 0, 6, 5, 1, 8, 8, 20, 16) },
    ],
    attributes: { pooled_shape: [3, 2], spatial_scale: 0.5 },
  },
];

/** No operator of onnxruntime's CPU build, so the same sum from a convolution: offsets of whole pixels move a tap. */
test('DeformConv with no offsets is a convolution, and the mask scales its taps', async (t) => {
  const x = tensor(2, 4, 7, 8);
  const w = random([6, 2, 3, 3], 3);
  const b = random([6], 4);
  const geometry = { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2], group: 2 };
  const conv = buildModel({
    inputs: { x: x.shape },
    outputs: ['y'],
    nodes: [{ op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes: geometry }],
    constants: { w, b },
  });
  const expected = (await runOnnxruntime(conv, { x }))['y']!;
  const [, , height = 0, width = 0] = expected.dims;
  const deform = await loadModel(
    buildModel({
      inputs: { x: x.shape, offsets: [2, 36, height, width], mask: [2, 18, height, width] },
      outputs: ['y'],
      nodes: [
        {
          op: 'DeformConv',
          inputs: ['x', 'w', 'offsets', 'b', 'mask'],
          outputs: ['y'],
          attributes: { ...geometry, offset_group: 2 },
        },
      ],
      constants: { w, b },
      opset: 19,
    }),
  );
  const run = async (offset: number, mask: number) => {
    const filled = (channels: number, value: number) =>
      new Tensor('float32', new Float32Array(2 * channels * height * width).fill(value), [2, channels, height, width]);
    const { y } = await deform.run({
      x: new Tensor('float32', x.data, x.shape),
      offsets: filled(36, offset),
      mask: filled(18, mask),
    });
    return y!.data as Float32Array;
  };
  t.true(relativeDifference(await run(0, 1), expected.data) < 3e-6);
  const bias = (i: number) => b.data[Math.floor(i / (height * width)) % 6]!;
  const half = Array.from(expected.data, (v, i) => (v - bias(i)) / 2 + bias(i));
  t.true(relativeDifference(await run(0, 0.5), half) < 3e-6);
  t.true(
    relativeDifference(
      await run(1e9, 1),
      Array.from(expected.data, (_, i) => bias(i)),
    ) < 3e-6,
    'all outside',
  );
});

const gates: Readonly<Record<string, number>> = { RNN: 1, GRU: 3, LSTM: 4 };
function recurrent(
  op: string,
  {
    directions = 1,
    steps = 5,
    batch = 3,
    width = 4,
    hidden = 7,
    full = true,
    lengths = false,
    attributes = {},
    constant = true,
  }: {
    directions?: number;
    steps?: number;
    batch?: number;
    width?: number;
    hidden?: number;
    full?: boolean;
    lengths?: boolean;
    attributes?: Record<string, AttributeSpec>;
    constant?: boolean;
  } = {},
): Case {
  const rows = gates[op]! * hidden;
  const weight = (...shape: number[]) => {
    const values = between(-0.6, 0.6, ...shape);
    return constant ? fixed(values) : values;
  };
  const state = () => (full ? tensor(directions, batch, hidden) : null);
  const lstm = op === 'LSTM';
  return {
    op,
    inputs: [
      tensor(steps, batch, width),
      weight(directions, rows, width),
      weight(directions, rows, hidden),
      full ? weight(directions, 2 * rows) : null,
      lengths
        ? fixed({ shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => Math.max(1, steps - i)) })
        : null,
      state(),
      ...(lstm ? [state(), full ? weight(directions, 3 * hidden) : null] : []),
    ],
    attributes: {
      hidden_size: hidden,
      direction: directions === 2 ? 'bidirectional' : 'forward',
      ...attributes,
    },
    outputs: lstm ? 3 : 2,
    opset: 14,
    tolerance: 1e-5,
  };
}
const cells: Case[] = Object.keys(gates).flatMap((op) => [
  recurrent(op),
  recurrent(op, { full: false, hidden: 16 }),
  recurrent(op, { directions: 2, lengths: true }),
  recurrent(op, { attributes: { direction: 'reverse' }, lengths: true }),
  recurrent(op, { attributes: { clip: 0.3 } }),
  recurrent(op, { constant: false, directions: 2 }),
  ...(op === 'GRU' ? [recurrent(op, { attributes: { linear_before_reset: 1 } })] : []),
  ...(op === 'LSTM' ? [recurrent(op, { attributes: { input_forget: 1 }, full: false })] : []),
  ...(op === 'RNN'
    ? [
        recurrent(op, { attributes: { activations: ['Relu'] } }),
        recurrent(op, { attributes: { activations: ['LeakyRelu'], activation_alpha: [0.25] } }),
        recurrent(op, { attributes: { activations: ['Affine'], activation_alpha: [0.5], activation_beta: [0.25] } }),
        recurrent(op, { attributes: { activations: ['ScaledTanh'], activation_alpha: [0.5], activation_beta: [1.5] } }),
        recurrent(op, { attributes: { activations: ['HardSigmoid', 'Softsign'] }, directions: 2 }),
      ]
    : []),
]);

for (const [title, cases] of Object.entries({
  'pointwise operators': [...unary, ...parameters],
  normalisations: normalizations,
  'pooling windows': pools,
  'Resize in every mode': resizes,
  'sampling and regions': samples,
  'recurrent cells': cells,
}))
  test(`${title} (${cases.length}) agree with onnxruntime`, async (t) => {
    for (const item of cases) await check(t, item);
  });
