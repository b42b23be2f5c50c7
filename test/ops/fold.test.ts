/** Folding against float64: the weights themselves, and what a convolution computes with them. */
import test from 'ava';
import { batchNorm, conv2d, foldBatchNorm, foldScale, linear, scaleChannels, type Tensor, tensor } from 'lanewise';
import { Dice, difference, eps, isas, largest } from '../support/operands.js';

const round = Math.fround;

interface Layer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
}

const layers: readonly Layer[] = [
  { name: 'dense', shape: [7, 5, 3, 3], groups: 1, transposed: false },
  { name: 'grouped', shape: [12, 3, 3, 2], groups: 4, transposed: false },
  { name: 'depthwise', shape: [9, 1, 5, 5], groups: 9, transposed: false },
  { name: 'linear', shape: [6, 8], groups: 1, transposed: false },
  { name: 'transposed', shape: [5, 7, 2, 2], groups: 1, transposed: true },
  { name: 'transposed, grouped', shape: [8, 3, 3, 3], groups: 4, transposed: true },
];

/** Visits each weight with its output channel and input channel. */
function eachWeight(
  { shape, groups, transposed }: Layer,
  visit: (i: number, output: number, input: number) => void,
): void {
  const [first = 0, second = 0, ...rest] = shape;
  const taps = rest.reduce((product, extent) => product * extent, 1);
  const perGroup = first / groups;
  for (let i = 0; i < first * second * taps; i++) {
    const a = Math.floor(i / taps / second);
    const b = Math.floor(a / perGroup) * second + (Math.floor(i / taps) % second);
    visit(i, transposed ? b : a, transposed ? a : b);
  }
}

const outputsOf = ({ shape, groups, transposed }: Layer): number => (transposed ? shape[1]! * groups : shape[0]!);
const inputsOf = ({ shape, groups, transposed }: Layer): number => (transposed ? shape[0]! : shape[1]! * groups);

for (const layer of layers) {
  for (const biased of [true, false]) {
    test(`a batch norm folds into ${layer.name} weights ${biased ? 'with' : 'without'} bias`, (t) => {
      const dice = new Dice(layer.shape.length + layer.groups);
      const o = outputsOf(layer);
      const [weight, bias, gamma, beta, mean] = [layer.shape, [o], [o], [o], [o]].map((shape) =>
        dice.values(shape),
      ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const variance = tensor(
        dice.values([o]).data.map((value) => value * value + 0.01),
        [o],
      );
      const epsilon = 1e-3;
      const folded = foldBatchNorm(
        { weight, bias: biased ? bias : null, groups: layer.groups, transposed: layer.transposed },
        { gamma, beta, mean, variance, epsilon },
      );
      const factor = Float64Array.from(gamma.data, (value, c) => value / Math.sqrt(variance.data[c]! + epsilon));
      const expected = new Float64Array(weight.size);
      eachWeight(layer, (i, output) => {
        expected[i] = round(weight.data[i]! * factor[output]!);
      });
      t.deepEqual(folded.weight.shape, weight.shape);
      t.true(difference(folded.weight.data, expected) <= eps * largest(expected) * 0.5, 'weights are rounded once');
      const shifts = factor.map((value, c) => ((biased ? bias.data[c]! : 0) - mean.data[c]!) * value + beta.data[c]!);
      t.deepEqual(folded.bias.shape, [o]);
      t.true(difference(folded.bias.data, shifts) <= eps * largest(shifts), 'bias');
    });
  }

  test(`a scale folds after and before ${layer.name} weights`, (t) => {
    const dice = new Dice(100 + layer.shape.length + layer.groups);
    const [o, c] = [outputsOf(layer), inputsOf(layer)];
    const [weight, bias] = [dice.values(layer.shape), dice.values([o])];
    const described = { weight, bias, groups: layer.groups, transposed: layer.transposed };
    const [s, b] = [dice.values([o]), dice.values([o])];
    const after = foldScale(described, { scale: s, shift: b }, 'after');
    eachWeight(layer, (i, output) => {
      if (after.weight.data[i] !== round(weight.data[i]! * s.data[output]!)) t.fail(`weight ${i}`);
    });
    const sums = bias.data.map((value, i) => value * s.data[i]! + b.data[i]!);
    t.true(difference(after.bias.data, sums) <= eps);

    const [p, q] = [dice.values([c]), dice.values([c])];
    const shifts = layer.transposed ? undefined : q;
    const before = foldScale(described, { scale: p, ...(shifts && { shift: shifts }) }, 'before');
    const expected = Float64Array.from(bias.data);
    eachWeight(layer, (i, output, input) => {
      if (before.weight.data[i] !== round(weight.data[i]! * p.data[input]!)) t.fail(`weight ${i}`);
      expected[output]! += weight.data[i]! * (shifts?.data[input] ?? 0);
    });
    t.true(difference(before.bias.data, expected) <= eps * Math.max(1, largest(expected)));
    t.deepEqual(
      before.padValue,
      Float32Array.from(p.data, (value, i) => (shifts ? -shifts.data[i]! / value : 0)),
    );
  });
}

test('a folded convolution computes what the two did, on every instruction set', (t) => {
  const dice = new Dice(3);
  const [x, weight, bias] = [dice.values([1, 6, 7, 7]), dice.values([8, 3, 3, 3]), dice.values([8])];
  const norm = {
    gamma: dice.values([8]),
    beta: dice.values([8]),
    mean: dice.values([8]),
    variance: dice.values([8]).data.map((value) => value * value + 0.1),
  };
  const folded = foldBatchNorm({ weight, bias, groups: 2 }, norm);
  for (const isa of isas) {
    const apart = batchNorm(conv2d(x, weight, { bias, groups: 2, padding: 1, isa }), norm, { isa });
    const together = conv2d(x, folded.weight, { bias: folded.bias, groups: 2, padding: 1, isa });
    t.true(difference(together.data, apart.data) <= 4 * eps * 28 * largest(apart.data), isa);
  }
});

test('folded before a padding convolution, the border needs padValue', (t) => {
  const dice = new Dice(4);
  const [x, weight, bias] = [dice.values([2, 5, 6, 6]), dice.values([4, 5, 3, 3]), dice.values([4])];
  const [scale, shift] = [dice.values([5]).data.map((value) => value + 2), dice.values([5])];
  const apart = conv2d(scaleChannels(x, scale, { shift }), weight, { bias, padding: 1 });
  const folded = foldScale({ weight, bias }, { scale, shift }, 'before');
  const together = conv2d(x, folded.weight, { bias: folded.bias, padding: 1, padValue: folded.padValue });
  t.true(difference(together.data, apart.data) <= 4 * eps * 46 * Math.max(3, largest(apart.data)));
  const naive = conv2d(x, folded.weight, { bias: folded.bias, padding: 1 });
  t.true(difference(naive.data, apart.data) > 0.1, 'zeros along the border are wrong');
});

test('factors may be numbers, or shared by groups of channels', (t) => {
  const weight = tensor([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]);
  t.deepEqual([...foldScale({ weight }, { scale: 2, shift: 1 }, 'after').weight.data], [2, 4, 6, 8, 10, 12, 14, 16]);
  t.deepEqual([...foldScale({ weight }, { scale: [1, 10] }, 'after').weight.data], [1, 2, 3, 4, 50, 60, 70, 80]);
  const x = tensor([1, 2], [1, 2]);
  const folded = foldScale({ weight, bias: [1, 1, 1, 1] }, { scale: [2, 3], shift: [5, 7] }, 'before');
  t.deepEqual(
    linear(x, folded.weight, { bias: folded.bias }).data,
    linear(tensor([7, 13], [1, 2]), weight, { bias: [1, 1, 1, 1] }).data,
  );
});

test('padValue is left out where none exists', (t) => {
  const weight = tensor([1, 2], [1, 2, 1, 1]);
  t.false('padValue' in foldScale({ weight }, { scale: [0, 1], shift: [1, 1] }, 'before'));
  t.deepEqual(foldScale({ weight }, { scale: [0, 2], shift: [0, 1] }, 'before').padValue, Float32Array.of(0, -0.5));
  t.throws(() => foldScale({ weight, transposed: true }, { scale: 1, shift: 1 }, 'before'), {
    instanceOf: RangeError,
    message: /transposed/,
  });
});

test('arguments are not written to, and no weights fold to no weights', (t) => {
  const weight = tensor([1, 2], [1, 2]);
  foldScale({ weight, bias: [3] }, { scale: 5 }, 'after');
  t.deepEqual([...weight.data], [1, 2]);
  const none = foldScale({ weight: tensor([], [0, 2]) }, { scale: 5 }, 'after');
  t.deepEqual([none.weight.shape, none.bias.shape], [[0, 2], [0]]);
});
