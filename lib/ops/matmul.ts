/** Matrix products and fully connected layers. */
import { shapeText } from '../describe.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { broadcastShape } from './broadcast.js';
import { addEpilogue, checkEpilogue, type EpilogueOptions, type EpilogueTensors, epilogueNames } from './epilogue.js';
import { OneStep, type OperatorOptions, operatorNames } from './one-step.js';
import { checkFlag, checkOptions, checkRank } from './options.js';

export interface LinearOptions extends EpilogueOptions, Omit<EpilogueTensors, 'gate'>, OperatorOptions {}

const linearNames = [...epilogueNames, 'residual', 'addAfterActivation', ...operatorNames] as const;

const product = (shape: readonly number[]): number => shape.reduce((count, extent) => count * extent, 1);

/**
 * A fully connected layer: `y = x * weight^T + bias`, then scale and shift, residual and activation as in {@link conv2d};
 * "per channel" means per output here.
 *
 * @param x [..., I] of rank 2 or more
 * @param weight [O, I]
 * @returns [..., O]
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when shapes do not fit together
 */
export function linear(x: Tensor, weight: Tensor, options?: LinearOptions): Tensor {
  const op = 'linear';
  const o = checkOptions(op, options, linearNames);
  const input = checkFloat32(op, 'x', x);
  const weights = checkFloat32(op, 'weight', weight);
  checkRank(op, 'weight', weights, 2, '[outputs, inputs]');
  const [outputs, inputs] = weights.shape as [number, number];
  if (weights.size === 0)
    throw new RangeError(`${op}: weight: expected extents of at least 1, got ${shapeText(weights.shape)}`);
  if (input.shape.length < 2)
    throw new RangeError(`${op}: x: expected rank 2 or more, [..., ${inputs}], got shape ${shapeText(input.shape)}`);
  if (input.shape.at(-1) !== inputs)
    throw new RangeError(`${op}: weight: expected ${input.shape.at(-1)} inputs (the last axis of x), got ${inputs}`);
  const shape = [...input.shape.slice(0, -1), outputs];
  const plan = new OneStep(op);
  const epilogue = checkEpilogue(op, o, outputs);
  const operands = [plan.input('x', input), plan.constant('weight', weights.data, weights.shape)];
  const { residual, addAfterActivation } = o;
  const finish = addEpilogue(op, plan, epilogue, { residual, addAfterActivation }, shape, 'nchw');
  const y = plan.value('y', shape);
  plan.output(y);
  plan.step({ op: 'matmul', inputs: operands, outputs: [y], transposeB: true, ...finish });
  plan.work = product(shape) * inputs;
  return plan.run(o)[0]!;
}

export interface MatmulOptions extends OperatorOptions {
  /** b is [..., N, K] instead of [..., K, N] (default false). */
  readonly transposeB?: boolean | undefined;
}

/**
 * Matrix products: `y[..., m, n] = sum over k of a[..., m, k] * b[..., k, n]`; leading axes broadcast as in NumPy.
 *
 * @param a [..., M, K] of rank 2 or more
 * @param b [..., K, N] of rank 2 or more, or [..., N, K] with `transposeB`
 * @returns [..., M, N]
 * @throws TypeError when an argument or option has the wrong type, or an option is unknown
 * @throws RangeError when inner extents differ or leading ones do not broadcast
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  const op = 'matmul';
  const o = checkOptions(op, options, ['transposeB', ...operatorNames]);
  const operands = [checkFloat32(op, 'a', a), checkFloat32(op, 'b', b)] as const;
  const transposeB = checkFlag(op, 'transposeB', o.transposeB);
  for (const [i, { shape }] of operands.entries()) {
    if (shape.length < 2)
      throw new RangeError(`${op}: ${'ab'[i]}: expected rank 2 or more, got shape ${shapeText(shape)}`);
  }
  const [left, right] = operands.map(({ shape }) => shape) as [readonly number[], readonly number[]];
  const [m, k] = left.slice(-2) as [number, number];
  const [rows, columns] = right.slice(-2) as [number, number];
  const [inner, n] = transposeB ? [columns, rows] : [rows, columns];
  if (inner !== k)
    throw new RangeError(
      `${op}: b: expected an inner extent of ${k} (the last axis of a), got ${inner} in ${shapeText(right)}`,
    );
  const lead = broadcastShape(op, left.slice(0, -2), right.slice(0, -2));
  const shape = [...lead, m, n];
  if (k === 0 && product(shape) > 0)
    throw new RangeError(`${op}: a: expected an inner extent of at least 1, got ${shapeText(left)}`);
  const plan = new OneStep(op);
  const y = plan.value('y', shape);
  plan.step({
    op: 'matmul',
    inputs: [plan.input('a', operands[0]), plan.input('b', operands[1])],
    outputs: [y],
    transposeB,
  });
  plan.output(y);
  plan.work = product(shape) * k;
  return plan.run(o)[0]!;
}
