/**
 * Convolutions around the vector length, on every instruction set, against the definition in float64: within
 * 2 eps (K+1) max|x| max|w| for any data, exactly for small integers, and with the same bits wherever the arithmetic is fused.
 */
import test, { type ExecutionContext } from 'ava';
import { conv2d, convTranspose2d, depthwiseConv2d, type Isa, type Layout, type Tensor } from 'lanewise';
import { type Geometry, naiveConv, naiveConvTranspose, type Result4 } from '../support/naive-conv.js';
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

const channels = [1, 3, 8, 15, 16, 17, 24, 33];
const kernels: readonly [number, number][] = [
  [1, 1],
  [3, 3],
  [5, 5],
  [7, 7],
  [1, 3],
  [3, 1],
  [2, 2],
];
const strides = [1, 2, 3];

interface Case {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly geometry: Geometry;
  readonly layout: Layout;
  readonly seed: number;
}

/** Everything a case does not fix is thrown, reproducibly. */
function makeCase(
  c: number,
  w: readonly number[],
  groups: number,
  kernel: readonly [number, number],
  stride: number,
  seed: number,
): Case {
  const dice = new Dice(seed);
  const dilations: [number, number] = [1 + dice.next(2), 1 + dice.next(2)];
  const pads = [0, 1, 2, 3].map((side) => dice.next(Math.ceil((kernel[side % 2]! * dilations[side % 2]!) / 2) + 1)) as [
    number,
    number,
    number,
    number,
  ];
  const reach = kernel.map((k, axis) => dilations[axis]! * (k - 1) + 1) as [number, number];
  const extent = (axis: 0 | 1) => Math.max(1, reach[axis] - pads[axis] - pads[axis + 2]!) + dice.next(9);
  const x = [1 + dice.next(2), c, extent(0), extent(1)];
  const geometry: Geometry = {
    strides: [stride, dice.next(3) === 0 ? 1 + dice.next(3) : stride],
    dilations,
    pads,
    groups,
  };
  const layout = dice.pick<Layout>(['nchw', 'nhwc']);
  return { name: `x [${x}] w [${w}] ${JSON.stringify(geometry)} ${layout}`, x, w, geometry, layout, seed };
}

type Operator = (x: Tensor, w: Tensor, bias: Tensor, c: Case, isa: Isa) => Tensor;
type Reference = (x: Tensor, w: Tensor, bias: Tensor, c: Case) => Result4;

function checkCase(
  t: ExecutionContext,
  c: Case,
  run: Operator,
  reference: Reference,
  outputs: number,
  depth: number,
): void {
  for (const whole of [false, true]) {
    const dice = new Dice(c.seed + 1);
    const [x, w, bias] = [c.x, c.w, [outputs]].map((shape) => (whole ? dice.integers(shape) : dice.values(shape))) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const expected = reference(x, w, bias, c);
    const laid = inLayout(x, c.layout);
    const results = isas.map((isa) => fromLayout(run(laid, w, bias, c, isa), c.layout));
    const bound = whole ? 0 : 2 * eps * (depth + 1) * Math.max(1, largest(x.data)) * Math.max(1, largest(w.data));
    for (const [i, y] of results.entries()) {
      if (JSON.stringify(y.shape) !== JSON.stringify(expected.shape))
        t.fail(`${c.name} ${isas[i]}: shape [${y.shape}], expected [${expected.shape}]`);
      const off = difference(y.data, expected.data);
      if (!(off <= bound))
        t.fail(`${c.name} ${isas[i]} ${whole ? 'integers' : 'values'}: off by ${off}, bound ${bound}`);
    }
    const fused = results.filter((_, i) => fusedIsas.includes(isas[i]!));
    if (fused.some((y) => !sameBits(y.data, fused[0]!.data)))
      t.fail(`${c.name}: ${fusedIsas.join(' and ')} have other bits`);
  }
}

const conv: Operator = (x, w, bias, { geometry, layout }, isa) =>
  conv2d(x, w, {
    bias,
    stride: geometry.strides,
    dilation: geometry.dilations,
    padding: geometry.pads,
    groups: geometry.groups,
    layout,
    isa,
  });
const convReference: Reference = (x, w, bias, { geometry }) => naiveConv(x, w, geometry, bias.data);

function sweep(t: ExecutionContext, cases: readonly Case[], run = conv): void {
  for (const c of cases) checkCase(t, c, run, convReference, c.w[0]!, c.w[1]! * c.w[2]! * c.w[3]!);
  t.log(`${cases.length} cases on ${isas.join(', ')}`);
  t.pass();
}

let seed = 1;

test('dense', (t) => {
  const outputs = new Dice(5);
  sweep(
    t,
    channels.flatMap((c) =>
      kernels.flatMap((k) => strides.map((s) => makeCase(c, [outputs.pick(channels), c, ...k], 1, k, s, seed++))),
    ),
  );
});

test('grouped', (t) => {
  const dice = new Dice(6);
  sweep(
    t,
    [2, 3, 4, 5, 8, 16, 32].flatMap((size) =>
      kernels.flatMap((k) =>
        strides.map((s) => {
          const groups = dice.pick([2, 3, 4, 5]);
          // Also groups whose outputs are more or fewer than their inputs.
          const outputs = groups * dice.pick([1, size, size, size + 1, 2 * size]);
          return makeCase(size * groups, [outputs, size, ...k], groups, k, s, seed++);
        }),
      ),
    ),
  );
});

test('depthwise', (t) => {
  const dice = new Dice(7);
  const cases = channels.flatMap((c) =>
    [1, 2, 3].flatMap((q) => kernels.map((k) => makeCase(c, [c * q, 1, ...k], c, k, dice.pick(strides), seed++))),
  );
  sweep(t, cases, (x, w, bias, { geometry, layout }, isa) =>
    depthwiseConv2d(x, w, {
      bias,
      stride: geometry.strides,
      dilation: geometry.dilations,
      padding: geometry.pads,
      layout,
      isa,
    }),
  );
});

test('transposed', (t) => {
  const dice = new Dice(8);
  let cases = 0;
  for (const c of channels) {
    for (const k of kernels) {
      const groups = dice.pick([1, 1, c % 2 === 0 ? 2 : 1, c % 3 === 0 ? 3 : 1]);
      const size = dice.pick([1, 2, 5, 8, 17]);
      const stride = dice.pick(strides);
      const made = makeCase(c, [c, size, ...k], groups, k, stride, seed++);
      // Pads crop the result here: leave at least one row and column.
      const small = made.geometry.pads.map((pad, side) => Math.min(pad, (k[side % 2]! - 1) >> 1)) as [
        number,
        number,
        number,
        number,
      ];
      const extra = made.geometry.strides.map((s) => dice.next(s)) as [number, number];
      const geometry = { ...made.geometry, pads: small };
      const run: Operator = (x, w, bias, { layout }, isa) =>
        convTranspose2d(x, w, {
          bias,
          stride: geometry.strides,
          dilation: geometry.dilations,
          padding: small,
          outputPadding: extra,
          groups,
          layout,
          isa,
        });
      checkCase(
        t,
        { ...made, geometry, name: `${made.name} extra ${extra}` },
        run,
        (x, w, bias) => naiveConvTranspose(x, w, geometry, extra, bias.data),
        size * groups,
        (c / groups) * k[0] * k[1],
      );
      cases++;
    }
  }
  t.log(`${cases} cases on ${isas.join(', ')}`);
  t.pass();
});
