/** Everything that can happen to an accumulator before it is stored, behind every form of convolution and matrix product. */
import test from 'ava';
import {
  type Activation,
  conv2d,
  convTranspose2d,
  type EpilogueOptions,
  type EpilogueTensors,
  type Isa,
  type Layout,
  linear,
  separableConv2d,
  Tensor,
  tensor,
} from 'lanewise';
import { type Geometry, naiveConv, naiveConvTranspose } from '../support/naive-conv.js';
import {
  Dice,
  difference,
  eps,
  fromLayout,
  fusedIsas,
  inLayout,
  isas,
  largest,
  sameBits,
} from '../support/operands.js';
import { pointwise } from '../support/reference-epilogue.js';

/** An activation and what the reference calls it. */
const activations: readonly (readonly [Activation | undefined, kind: string, alpha: number, beta: number])[] = [
  [undefined, 'none', 0, 0],
  ['none', 'none', 0, 0],
  ['relu', 'relu', 0, 0],
  [{ kind: 'relu' }, 'relu', 0, 0],
  ['relu6', 'clip', 0, 6],
  [{ kind: 'clip', min: -0.5, max: 0.75 }, 'clip', -0.5, 0.75],
  [{ kind: 'clip', min: 0.1 }, 'clip', 0.1, Infinity],
  [{ kind: 'clip', max: 0.1 }, 'clip', -Infinity, 0.1],
  ['leakyRelu', 'leakyRelu', 0.01, 0],
  [{ kind: 'leakyRelu', slope: -0.3 }, 'leakyRelu', -0.3, 0],
  ['hardSigmoid', 'hardSigmoid', 1 / 6, 0.5],
  [{ kind: 'hardSigmoid', alpha: 0.2, beta: 0.4 }, 'hardSigmoid', 0.2, 0.4],
  ['hardSwish', 'hardSwish', 1 / 6, 0.5],
  [{ kind: 'hardSwish', alpha: 0.25, beta: 0.25 }, 'hardSwish', 0.25, 0.25],
  ['sigmoid', 'sigmoid', 0, 0],
  ['silu', 'silu', 0, 0],
  ['tanh', 'tanh', 0, 0],
  ['gelu', 'gelu', 0, 0],
  ['geluTanh', 'geluTanh', 0, 0],
];

interface Form {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly geometry: Geometry;
  readonly transposed?: boolean;
  readonly linear?: boolean;
}

const one: Geometry = { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], groups: 1 };

const forms: Readonly<Record<string, Form>> = {
  pointwise: { x: [2, 9, 5, 7], w: [17, 9, 1, 1], geometry: one },
  dense: { x: [1, 5, 6, 9], w: [33, 5, 3, 3], geometry: { ...one, pads: [1, 1, 1, 1] } },
  'first layer': { x: [1, 3, 9, 9], w: [16, 3, 3, 3], geometry: { ...one, strides: [2, 2], pads: [1, 0, 1, 2] } },
  grouped: { x: [1, 15, 5, 5], w: [10, 3, 3, 3], geometry: { ...one, groups: 5 } },
  'grouped by lanes': { x: [1, 32, 5, 5], w: [32, 4, 3, 3], geometry: { ...one, pads: [1, 1, 1, 1], groups: 8 } },
  depthwise: { x: [2, 19, 7, 6], w: [19, 1, 3, 3], geometry: { ...one, pads: [1, 1, 1, 1], groups: 19 } },
  transposed: { x: [1, 6, 4, 5], w: [6, 18, 3, 3], geometry: { ...one, strides: [2, 2] }, transposed: true },
  linear: { x: [5, 20], w: [35, 20], geometry: one, linear: true },
};

type Extra = 'plain' | 'scale' | 'residual' | 'residual after' | 'gate' | 'gate per image' | 'all';
const extras: readonly Extra[] = ['plain', 'scale', 'residual', 'residual after', 'gate', 'gate per image', 'all'];

const chw = (shape: readonly number[]): number => shape.slice(1).reduce((product, extent) => product * extent, 1);
const has = (extra: Extra, part: string): boolean => extra === 'all' || extra.startsWith(part);

function run(form: Form, x: Tensor, w: Tensor, o: EpilogueOptions & EpilogueTensors, layout: Layout, isa: Isa): Tensor {
  const { strides, dilations, pads, groups } = form.geometry;
  if (form.linear) {
    const { gate: _, ...rest } = o;
    return linear(x, w, { ...rest, isa });
  }
  return (form.transposed ? convTranspose2d : conv2d)(x, w, {
    ...o,
    stride: strides,
    dilation: dilations,
    padding: pads,
    groups,
    layout,
    isa,
  });
}

for (const [name, form] of Object.entries(forms)) {
  test(name, (t) => {
    const dice = new Dice(name.length);
    const [x, w] = [dice.values(form.x), dice.values(form.w)];
    const outputs = form.transposed ? form.w[1]! * form.geometry.groups : form.w[0]!;
    const depth = chw(form.transposed ? [0, form.x[1]! / form.geometry.groups, ...form.w.slice(2)] : form.w);
    const bias = dice.values([outputs]);
    const reference = form.linear
      ? {
          ...naiveConv({ ...x, shape: [...form.x, 1, 1] }, { ...w, shape: [...form.w, 1, 1] }, one),
          shape: [form.x[0]!, outputs],
        }
      : form.transposed
        ? naiveConvTranspose(x, w, form.geometry, [0, 0])
        : naiveConv(x, w, form.geometry);
    const plane = reference.data.length / reference.shape[0]! / outputs;
    const channelOf = (i: number) => Math.floor(i / plane) % outputs;
    const [scale, shift] = [dice.values([outputs]), dice.values([outputs])];
    const [residual, gate, perImage] = [
      dice.values(reference.shape),
      dice.values(reference.shape),
      dice.values([reference.shape[0]!, outputs, 1, 1]),
    ];
    const slopes = dice.values([outputs]);
    const all = [
      ...activations,
      [{ kind: 'prelu', slope: slopes }, 'prelu', 0, 0] as const,
      [{ kind: 'prelu', slope: 0.25 }, 'prelu one', 0, 0] as const,
    ];
    for (const [activation, kind, alpha, beta] of all) {
      for (const extra of extras) {
        if (form.linear && extra.startsWith('gate')) continue;
        for (const layout of form.linear ? (['nchw'] as const) : (['nchw', 'nhwc'] as const)) {
          const lay = (tensor: Tensor) => (form.linear ? tensor : inLayout(tensor, layout));
          const after = extra === 'residual after';
          const factor = extra === 'gate per image' ? perImage : has(extra, 'gate') && !form.linear ? gate : undefined;
          const options: EpilogueOptions & EpilogueTensors = {
            bias,
            activation,
            ...(has(extra, 'scale') && { scale, shift }),
            ...(has(extra, 'residual') && { residual: lay(residual), addAfterActivation: after }),
            ...(factor && { gate: lay(factor) }),
          };
          const expected = reference.data.map((acc, i) => {
            const c = channelOf(i);
            let v = acc + bias.data[c]!;
            if (has(extra, 'scale')) v = v * scale.data[c]! + shift.data[c]!;
            const addend = has(extra, 'residual') ? residual.data[i]! : 0;
            if (!after) v += addend;
            if (kind === 'prelu') v = v > 0 ? v : v * slopes.data[c]!;
            else if (kind === 'prelu one') v = v > 0 ? v : v * 0.25;
            else v = pointwise({ kind, alpha, beta }, v);
            if (after) v += addend;
            return factor ? v * factor.data[factor === perImage ? Math.floor(i / plane) : i]! : v;
          });
          const results = isas.map((isa) => {
            const y = run(form, lay(x), w, options, layout, isa);
            return form.linear ? y : fromLayout(y, layout);
          });
          // Activations have slopes of up to 1.2 and errors of a few units in the last place of their own.
          const bound = 1.2 * 2 * eps * (depth + 3) + 4 * eps * Math.max(1, largest(expected));
          for (const [i, y] of results.entries()) {
            const off = difference(y.data, expected);
            if (!(off <= bound))
              t.fail(`${JSON.stringify(activation)} ${extra} ${layout} ${isas[i]}: off by ${off}, bound ${bound}`);
          }
          const fused = results.filter((_, i) => fusedIsas.includes(isas[i]!));
          if (fused.some((y) => !sameBits(y.data, fused[0]!.data)))
            t.fail(`${JSON.stringify(activation)} ${extra} ${layout}: ISAs have other bits`);
        }
      }
    }
    t.pass();
  });
}

test('the border may hold a value per input channel', (t) => {
  const dice = new Dice(77);
  for (const [c, groups, outputs] of [
    [3, 1, 8],
    [20, 1, 5],
    [12, 3, 12],
    [17, 17, 17],
    [32, 8, 32],
  ] as const) {
    for (const layout of ['nchw', 'nhwc'] as const) {
      const [x, w, padValue] = [
        dice.integers([2, c, 5, 6]),
        dice.integers([outputs, c / groups, 3, 3]),
        dice.integers([c]),
      ];
      const geometry: Geometry = { strides: [1, 2], dilations: [1, 1], pads: [2, 1, 1, 3], groups };
      const expected = naiveConv(x, w, geometry, undefined, padValue.data);
      for (const isa of isas) {
        const y = conv2d(inLayout(x, layout), w, {
          padValue,
          padding: geometry.pads,
          stride: geometry.strides,
          groups,
          layout,
          isa,
        });
        t.is(
          difference(fromLayout(y, layout).data, expected.data),
          0,
          `${c} channels, ${groups} groups, ${layout}, ${isa}`,
        );
      }
    }
  }
});

test('a separable convolution is its two convolutions', (t) => {
  const dice = new Dice(78);
  for (const layout of ['nchw', 'nhwc'] as const) {
    for (const isa of isas) {
      const [x, depthwise, pointwise_] = [
        dice.values([1, 9, 8, 7]),
        dice.values([18, 1, 3, 3]),
        dice.values([11, 18, 1, 1]),
      ];
      const [b1, b2, residual] = [dice.values([18]), dice.values([11]), inLayout(dice.values([1, 11, 4, 4]), layout)];
      const shared = { layout, isa };
      const first = conv2d(inLayout(x, layout), depthwise, {
        ...shared,
        groups: 9,
        stride: 2,
        padding: 1,
        bias: b1,
        activation: 'relu6',
      });
      const second = conv2d(first, pointwise_, { ...shared, bias: b2, residual, activation: 'hardSwish' });
      const whole = separableConv2d(inLayout(x, layout), depthwise, pointwise_, {
        ...shared,
        stride: 2,
        padding: 1,
        depthwiseBias: b1,
        depthwiseActivation: 'relu6',
        bias: b2,
        residual,
        activation: 'hardSwish',
      });
      t.deepEqual(whole.shape, second.shape);
      t.is(difference(whole.data, second.data), 0, `${layout} ${isa}`);
    }
  }
});

test('operands are never written to, and one tensor may be several of them', (t) => {
  const dice = new Dice(79);
  const x = dice.values([1, 8, 5, 5]);
  const w = dice.values([8, 8, 1, 1]);
  const before = [x.data.slice(), w.data.slice()];
  const y = conv2d(x, w, { residual: x, gate: x });
  t.deepEqual([x.data, w.data], before);
  const expected = conv2d(x, w, {
    residual: tensor(x.data.slice(), x.shape),
    gate: new Tensor('float32', x.data.slice(), x.shape),
  });
  t.deepEqual(y.data, expected.data);
});
