/** Operators on tensors of any rank against float64 over random shapes. */
import test from 'ava';
import fc from 'fast-check';
import {
  add,
  type BinaryOperator,
  concat,
  div,
  linear,
  logSoftmax,
  matmul,
  maximum,
  minimum,
  mul,
  type ReduceFunction,
  reduce,
  softmax,
  split,
  sub,
  tensor,
  transpose,
} from 'lanewise';
import { count, Dice, eps, largest } from '../support/operands.js';
import { between, check, common, expectNear, oneStep } from '../support/property.js';

const shapes = (least: number, most = 5, extent = 9): fc.Arbitrary<number[]> =>
  fc
    .array(fc.oneof(between(1, 3), between(1, extent)), { minLength: least, maxLength: most })
    .filter((shape) => count(shape) <= 3000);

/** Two shapes that broadcast: some axes of each are 1, and one may have fewer. */
const broadcasting = fc
  .tuple(shapes(0), fc.array(fc.constantFrom('both', 'a', 'b'), { minLength: 5, maxLength: 5 }), between(0, 5))
  .map(([shape, ones, dropped]) => ({
    shape,
    a: shape.map((extent, axis) => (ones[axis] === 'a' ? 1 : extent)),
    b: shape.map((extent, axis) => (ones[axis] === 'b' ? 1 : extent)).slice(Math.min(dropped, shape.length)),
  }))
  .map(({ a, b }) => {
    const padded = [...new Array<number>(a.length - b.length).fill(1), ...b];
    return { a, b, shape: a.map((extent, axis) => Math.max(extent, padded[axis]!)) };
  });

/** All correctly rounded, and float64 holds enough digits that rounding its result is the same. */
const binaries: readonly (readonly [BinaryOperator, string])[] = [
  [add, 'add'],
  [sub, 'sub'],
  [mul, 'mul'],
  [div, 'div'],
  [minimum, 'min'],
  [maximum, 'max'],
];

test('two operands that broadcast', (t) => {
  check(
    fc.record({ ...common, operands: broadcasting, swapped: fc.boolean(), fn: fc.constantFrom(...binaries) }),
    ({ seed, isa, operands, swapped, fn: [run, fn] }) => {
      const dice = new Dice(seed);
      const both = [dice.values(operands.a), dice.values(operands.b)] as const;
      const [a, b] = swapped ? [both[1], both[0]] : both;
      expectNear(run(a, b, { isa }), oneStep({ op: 'binary', fn }, [a, b], [operands.shape])[0]!, 0);
    },
    400,
  );
  t.pass();
});

test('matmul and linear', (t) => {
  const extents = fc.oneof(between(1, 4), between(1, 40));
  check(
    fc.record({
      ...common,
      lead: broadcasting.filter(({ shape }) => count(shape) <= 12),
      swapped: fc.boolean(),
      m: extents,
      k: extents,
      n: extents,
      transposeB: fc.boolean(),
    }),
    ({ seed, isa, lead, swapped, m, k, n, transposeB }) => {
      const dice = new Dice(seed);
      const [left, right] = swapped ? [lead.b, lead.a] : [lead.a, lead.b];
      const a = dice.values([...left, m, k]);
      const b = dice.values([...right, ...(transposeB ? [n, k] : [k, n])]);
      const bound = 2 * eps * (k + 1);
      const step = { op: 'matmul', transposeB };
      expectNear(matmul(a, b, { transposeB, isa }), oneStep(step, [a, b], [[...lead.shape, m, n]])[0]!, bound);
      const w = dice.values([n, k]);
      const rows = oneStep({ op: 'matmul', transposeB: true }, [a, w], [[...left, m, n]])[0]!;
      expectNear(linear(a, w, { isa }), rows, bound);
    },
  );
  t.pass();
});

/** How far each reduction may be off: n additions of magnitudes, and what its function adds. */
const reductions: Readonly<Record<ReduceFunction, (n: number) => number>> = {
  sum: (n) => n * n,
  mean: (n) => n + 2,
  max: () => 0,
  min: () => 0,
  prod: (n) => n,
  l1: (n) => n * n,
  l2: (n) => n + 2,
  sumSquare: (n) => n * (n + 1),
  logSum: (n) => n + 16,
  logSumExp: (n) => n + 16 + 4 * Math.log(n + 1),
};

test('reduce', (t) => {
  check(
    fc.record({
      ...common,
      shape: shapes(1),
      chosen: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      fn: fc.constantFrom(...(Object.keys(reductions) as ReduceFunction[])),
      keepDims: fc.boolean(),
      backwards: fc.boolean(),
    }),
    ({ seed, isa, shape, chosen, fn, keepDims, backwards }) => {
      const rank = shape.length;
      const axes = shape.flatMap((_, axis) => (chosen[axis] ? [axis] : []));
      fc.pre(axes.length > 0);
      const values = new Dice(seed).values(shape);
      // A logarithm needs a sum away from 0.
      const x =
        fn === 'logSum'
          ? tensor(
              values.data.map((v) => Math.abs(v) + 0.5),
              shape,
            )
          : values;
      const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
      const [expected] = oneStep({ op: 'reduce', fn, axes }, [x], [kept]);
      const n = axes.reduce((product, axis) => product * shape[axis]!, 1);
      const seen = keepDims ? kept : shape.filter((_, axis) => !axes.includes(axis));
      const y = reduce(x, fn, { axes: backwards ? axes.map((axis) => axis - rank) : axes, keepDims, isa });
      expectNear(y, { shape: seen, data: expected!.data }, eps * reductions[fn](n) * Math.max(1, largest(x.data)));
    },
    400,
  );
  t.pass();
});

test('softmax and logSoftmax', (t) => {
  check(
    fc.record({ ...common, shape: shapes(1, 4, 33), at: between(0, 3), spread: fc.constantFrom(1, 10, 80) }),
    ({ seed, isa, shape, at, spread }) => {
      const axis = at % shape.length;
      const x = tensor(
        new Dice(seed).values(shape).data.map((v) => v * spread),
        shape,
      );
      // A difference of inputs is off by eps of the inputs, exp turns that into a relative error.
      const bound = eps * (shape[axis]! + 16 + 2 * spread);
      for (const [run, log] of [
        [softmax, false],
        [logSoftmax, true],
      ] as const) {
        const [expected] = oneStep({ op: 'softmax', axis, log }, [x], [shape]);
        expectNear(run(x, { axis, isa }), expected!, bound);
      }
    },
  );
  t.pass();
});

test('split, concat and transpose move every element once', (t) => {
  check(
    fc.record({
      ...common,
      shape: shapes(1),
      at: between(0, 4),
      cuts: fc.array(between(0, 4), { minLength: 1, maxLength: 4 }),
      order: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5, maxLength: 5 }),
    }),
    ({ seed, isa, shape, at, cuts, order }) => {
      const axis = at % shape.length;
      const total = cuts.reduce((sum, cut) => sum + cut, 0);
      fc.pre(total > 0);
      const whole = shape.map((extent, i) => (i === axis ? total : extent));
      const x = new Dice(seed).values(whole);
      const parts = split(x, cuts, { axis, isa });
      const pieces = cuts.map((cut) => whole.map((extent, i) => (i === axis ? cut : extent)));
      const expected = oneStep({ op: 'split', axis }, [x], pieces);
      for (const [i, part] of parts.entries()) expectNear(part, expected[i]!, 0);
      expectNear(concat(parts, { axis: axis - shape.length, isa }), x, 0);
      const permutation = order.filter((i) => i < shape.length);
      const turned = permutation.map((i) => whole[i]!);
      const [moved] = oneStep({ op: 'transpose', permutation }, [x], [turned]);
      expectNear(transpose(x, permutation, { isa }), moved!, 0);
    },
    250,
  );
  t.pass();
});
