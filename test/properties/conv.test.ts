/** Convolutions of random geometry against the definition in float64: within 2 eps (K+1) max|x| max|w|. */
import test from 'ava';
import fc from 'fast-check';
import { type Activation, conv2d, convTranspose2d, foldBatchNorm, foldScale, prepareConv2d, tensor } from 'lanewise';
import { type Geometry, naiveConv, naiveConvTranspose, type Result4 } from '../support/naive-conv.js';
import { Dice, eps, inLayout, largest } from '../support/operands.js';
import { between, check, common, expectNear, layouts, pair } from '../support/property.js';
import { pointwise } from '../support/reference-epilogue.js';

/** The steepest slope of each function, and what its own approximation may add. */
const activations: readonly (readonly [Activation, kind: string, alpha: number, beta: number, slope: number])[] = [
  ['none', 'none', 0, 0, 1],
  ['relu', 'relu', 0, 0, 1],
  ['relu6', 'clip', 0, 6, 1],
  [{ kind: 'leakyRelu', slope: -0.3 }, 'leakyRelu', -0.3, 0, 1],
  ['hardSigmoid', 'hardSigmoid', 1 / 6, 0.5, 1],
  ['hardSwish', 'hardSwish', 1 / 6, 0.5, 1.5],
  ['sigmoid', 'sigmoid', 0, 0, 1],
  ['silu', 'silu', 0, 0, 1.1],
  ['tanh', 'tanh', 0, 0, 1],
  ['gelu', 'gelu', 0, 0, 1.2],
];

const pads = fc.tuple(between(0, 3), between(0, 3), between(0, 3), between(0, 3));

/** Groups of random width; depthwise is a width of one input. */
const geometries = fc
  .record({
    ...common,
    batch: between(1, 2),
    groups: fc.oneof(fc.constant(1), between(1, 6), between(7, 35)),
    groupInputs: fc.oneof(fc.constant(1), between(1, 19)),
    groupOutputs: fc.oneof(fc.constant(1), between(1, 35)),
    kernel: fc.oneof(fc.constant<[number, number]>([1, 1]), fc.constant<[number, number]>([3, 3]), pair(1, 5)),
    strides: pair(1, 3),
    dilations: fc.oneof(fc.constant<[number, number]>([1, 1]), pair(1, 3)),
    pads,
    room: pair(0, 9),
    activation: fc.constantFrom(...activations),
    layout: layouts,
  })
  // More than this is time, not variety.
  .filter(({ groups, groupInputs, groupOutputs }) => groups * groupInputs * groupOutputs <= 600);

type Case = typeof geometries extends fc.Arbitrary<infer T> ? T : never;

function operandsOf(c: Case) {
  const dice = new Dice(c.seed);
  // The smallest extent into which the window fits, and some room.
  const extent = (axis: 0 | 1) =>
    Math.max(1, c.dilations[axis] * (c.kernel[axis] - 1) + 1 - c.pads[axis] - c.pads[axis + 2]!) + c.room[axis];
  const channels = c.groups * c.groupInputs;
  const geometry: Geometry = { strides: c.strides, dilations: c.dilations, pads: c.pads, groups: c.groups };
  return {
    dice,
    geometry,
    x: dice.values([c.batch, channels, extent(0), extent(1)]),
    outputs: c.groups * c.groupOutputs,
    bias: dice.values([c.groups * c.groupOutputs]),
    options: {
      stride: c.strides,
      dilation: c.dilations,
      padding: c.pads,
      groups: c.groups,
      layout: c.layout,
      isa: c.isa,
    },
  };
}

const bound = (depth: number, x: ArrayLike<number>, w: ArrayLike<number>): number =>
  2 * eps * (depth + 1) * Math.max(1, largest(x)) * Math.max(1, largest(w));

function activated({ shape, data }: Result4, [, kind, alpha, beta]: Case['activation']) {
  return { shape, data: data.map((v) => pointwise({ kind, alpha, beta }, v)) };
}

/** `depth` products reach an element; functions that are approximated have 16 eps of the value on top. */
const activatedBound = (c: Case, depth: number, x: ArrayLike<number>, w: ArrayLike<number>, y: ArrayLike<number>) =>
  bound(depth, x, w) * c.activation[4] + (c.activation[1] === 'none' ? 0 : 16 * eps * Math.max(1, largest(y)));

test('conv2d, once and prepared', (t) => {
  check(geometries, (c) => {
    const { dice, geometry, x, outputs, bias, options } = operandsOf(c);
    const w = dice.values([outputs, c.groupInputs, ...c.kernel]);
    const expected = activated(naiveConv(x, w, geometry, bias.data), c.activation);
    const most = activatedBound(c, c.groupInputs * c.kernel[0] * c.kernel[1], x.data, w.data, expected.data);
    const laid = inLayout(x, c.layout);
    const all = { ...options, bias, activation: c.activation[0] };
    expectNear(conv2d(laid, w, all), expected, most, c.layout);
    const prepared = prepareConv2d(w, all);
    expectNear(prepared.run(laid), expected, most, c.layout);
    prepared.dispose();
  });
  t.pass();
});

test('conv2d whose border holds a value per channel', (t) => {
  check(
    geometries,
    (c) => {
      const { dice, geometry, x, outputs, bias, options } = operandsOf(c);
      const w = dice.values([outputs, c.groupInputs, ...c.kernel]);
      const padValue = dice.values([x.shape[1]!]);
      const expected = naiveConv(x, w, geometry, bias.data, padValue.data);
      const most = bound(c.groupInputs * c.kernel[0] * c.kernel[1], x.data, w.data);
      expectNear(conv2d(inLayout(x, c.layout), w, { ...options, bias, padValue }), expected, most, c.layout);
    },
    100,
  );
  t.pass();
});

test('convTranspose2d', (t) => {
  check(
    fc.record({ c: geometries, extra: pair(0, 2) }),
    ({ c, extra }) => {
      const { dice, geometry, x, bias, options } = operandsOf(c);
      const w = dice.values([c.groups * c.groupInputs, c.groupOutputs, ...c.kernel]);
      // Pads crop the result: one row and column stay.
      const crop = (axis: 0 | 1, side: 0 | 2) =>
        Math.min(geometry.pads[axis + side]!, (c.dilations[axis] * (c.kernel[axis] - 1)) >> 1);
      const cropped = [crop(0, 0), crop(1, 0), crop(0, 2), crop(1, 2)] as const;
      const outputPadding = extra.map((e, axis) =>
        Math.min(e, Math.max(c.strides[axis]!, c.dilations[axis]!) - 1),
      ) as unknown as [number, number];
      const expected = activated(
        naiveConvTranspose(x, w, { ...geometry, pads: cropped }, outputPadding, bias.data),
        c.activation,
      );
      const most = activatedBound(c, c.groupInputs * c.kernel[0] * c.kernel[1], x.data, w.data, expected.data);
      const all = { ...options, padding: cropped, outputPadding, bias, activation: c.activation[0] };
      expectNear(convTranspose2d(inLayout(x, c.layout), w, all), expected, most, c.layout);
    },
    150,
  );
  t.pass();
});

test('folded scales and norms compute what they replace', (t) => {
  check(
    geometries,
    (c) => {
      const { dice, geometry, x, outputs, bias, options } = operandsOf(c);
      const w = dice.values([outputs, c.groupInputs, ...c.kernel]);
      const depth = c.groupInputs * c.kernel[0] * c.kernel[1];
      const laid = inLayout(x, c.layout);
      const plain = naiveConv(x, w, geometry, bias.data);
      const channelOf = (i: number) => Math.floor(i / (plain.shape[2] * plain.shape[3])) % outputs;
      const layer = { weight: w, bias, groups: c.groups };

      const [gamma, beta, mean] = [dice.values([outputs]), dice.values([outputs]), dice.values([outputs])];
      const variance = tensor(
        dice.values([outputs]).data.map((v) => v * v + 0.25),
        [outputs],
      );
      const normed = foldBatchNorm(layer, { gamma, beta, mean, variance, epsilon: 1e-3 });
      const data = plain.data.map((v, i) => {
        const o = channelOf(i);
        return (
          (gamma.data[o]! * (v - mean.data[o]!)) / Math.sqrt(variance.data[o]! + Math.fround(1e-3)) + beta.data[o]!
        );
      });
      // A factor is at most 2, since the deviation is at least a half; the shift is at most 5.
      const after = conv2d(laid, normed.weight, { ...options, bias: normed.bias });
      expectNear(after, { shape: plain.shape, data }, 5 * bound(depth + 1, x.data, w.data), c.layout);

      const channels = x.shape[1]!;
      const scale = dice.values([channels]).data.map((v) => (v < 0 ? v - 0.5 : v + 0.5));
      const shift = dice.values([channels]).data;
      const folded = foldScale(layer, { scale, shift }, 'before');
      const plane = x.shape[2]! * x.shape[3]!;
      const channel = (i: number) => Math.floor(i / plane) % channels;
      const scaled = Float64Array.from(x.data, (v, i) => v * scale[channel(i)]! + shift[channel(i)]!);
      const y = conv2d(laid, folded.weight, { ...options, bias: folded.bias, padValue: folded.padValue });
      const expected = naiveConv({ shape: x.shape, data: scaled }, w, geometry, bias.data);
      // |scale| <= 1.5, |shift| <= 1, |padValue| <= 2: the terms that cancel are up to 4 times those that stay.
      expectNear(y, expected, 4 * bound(2 * depth + 1, x.data, w.data), c.layout);
    },
    100,
  );
  t.pass();
});
