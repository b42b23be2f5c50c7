/** Properties over random geometry: how often, from which seed, and against what. */
import fc, { type Arbitrary } from 'fast-check';
import type { Layout, Tensor } from 'lanewise';
import type { PlanSpec, PlanStep } from '#lib/graph/plan-spec.js';
import { difference, fromLayout, isas } from './operands.js';
import { runPlan } from './reference.js';
import type { Dense } from './reference-tensor.js';

const quick = process.env['LANEWISE_TEST_LEVEL'] === 'quick';
const given = process.env['LANEWISE_SEED'];

/** A failure names its seed and path; `LANEWISE_SEED` begins there again. */
export function check<T>(arbitrary: Arbitrary<T>, body: (value: T) => void, runs = 200): void {
  fc.assert(
    fc.property(arbitrary, (value) => body(value)),
    {
      includeErrorInReport: true,
      numRuns: quick ? Math.ceil(runs / 2) : runs,
      ...(given !== undefined && { seed: Number(given) }),
    },
  );
}

export const between = (least: number, most: number): Arbitrary<number> => fc.integer({ min: least, max: most });
export const pair = (least: number, most: number): Arbitrary<[number, number]> =>
  fc.tuple(between(least, most), between(least, most));
export const layouts: Arbitrary<Layout> = fc.constantFrom('nchw', 'nhwc');

/** What every case has: values are thrown from the seed, so that only geometry is shrunk. */
export const common = { seed: between(1, 2 ** 30), isa: fc.constantFrom(...isas) };

/** One step in float64: operands first, then results of the given shapes. */
export function oneStep(
  step: Readonly<Record<string, unknown>>,
  operands: readonly Tensor[],
  results: readonly (readonly number[])[],
): Dense[] {
  const shapes = [...operands.map(({ shape }) => shape), ...results];
  const indices = shapes.map((_, i) => i);
  const plan: PlanSpec = {
    values: shapes.map((shape, i) => ({ name: `v${i}`, shape })),
    inputs: operands.map((_, value) => ({ value, layout: 'nchw' })),
    outputs: results.map((_, i) => ({ value: operands.length + i, layout: 'nchw' })),
    steps: [
      {
        name: 'step',
        ...step,
        inputs: indices.slice(0, operands.length),
        outputs: indices.slice(operands.length),
      } as unknown as PlanStep,
    ],
  };
  return runPlan(
    plan,
    operands.map(({ data }) => data),
  );
}

/** Fails with both numbers; a bound of 0 asks for the nearest float32 exactly. */
export function expectNear(
  actual: Tensor,
  expected: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  bound: number,
  layout: Layout = 'nchw',
): void {
  const seen = fromLayout(actual, layout);
  if (seen.shape.join() !== expected.shape.join())
    throw new Error(`shape [${seen.shape}], expected [${expected.shape}]`);
  const off = difference(seen.data, bound === 0 ? Float32Array.from(expected.data) : expected.data);
  if (!(off <= bound)) throw new Error(`off by ${off}, bound ${bound}`);
}
