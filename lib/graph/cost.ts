/** What a plan costs: multiply-accumulates and parameters, step by step. */
import { elementCount } from './constant.js';
import type { PlanSpec, PlanStep } from './plan-spec.js';

export interface StepCost {
  /** Multiply-accumulates of convolutions, matrix products and the two layers of a squeeze-and-excitation; nothing else counts. */
  readonly macs: number;
  /** Elements of the constants the step reads. */
  readonly parameters: number;
}

type Shapes = (index: number) => readonly number[];

const macs: Readonly<Partial<Record<PlanStep['op'], (step: PlanStep, shapeOf: Shapes) => number>>> = {
  // Every output element sums I/groups times the kernel: all of the weight's axes but the first.
  conv2d: (step, shapeOf) => elementCount(shapeOf(step.outputs[0]!)) * elementCount(shapeOf(step.inputs[1]!).slice(1)),
  // Every input element goes to O/groups times the kernel.
  convTranspose2d: (step, shapeOf) =>
    elementCount(shapeOf(step.inputs[0]!)) * elementCount(shapeOf(step.inputs[1]!).slice(1)),
  matmul: (step, shapeOf) => elementCount(shapeOf(step.outputs[0]!)) * (shapeOf(step.inputs[0]!).at(-1) ?? 1),
  squeezeExcite: (step, shapeOf) => {
    const images = shapeOf(step.inputs[0]!)[0] ?? 1;
    return images * (elementCount(shapeOf(step.inputs[1]!)) + elementCount(shapeOf(step.inputs[3]!)));
  },
};

/** Values of the plan a step reads besides its inputs. */
function extraReads(step: PlanStep): number[] {
  const reads: (number | undefined)[] = [];
  if ('padValue' in step) reads.push(step.padValue);
  if ('epilogue' in step && step.epilogue) {
    const { bias, scale, shift, slope, residual, gate } = step.epilogue;
    reads.push(bias, scale, shift, slope, residual, gate);
  }
  return reads.filter((index) => index !== undefined);
}

/** The cost of one step of a plan. */
export function stepCost(plan: PlanSpec, step: PlanStep): StepCost {
  const shapeOf: Shapes = (index) => plan.values[index]!.shape;
  const constants = new Set(
    [...step.inputs, ...extraReads(step)].filter((index) => plan.values[index]?.data !== undefined),
  );
  const parameters = [...constants].reduce((sum, index) => sum + elementCount(shapeOf(index)), 0);
  return { macs: macs[step.op]?.(step, shapeOf) ?? 0, parameters };
}

/** The cost of a whole plan; a constant that several steps read counts once. */
export function planCost(plan: PlanSpec): StepCost {
  const total = plan.steps.reduce((sum, step) => sum + stepCost(plan, step).macs, 0);
  const parameters = plan.values.reduce((sum, { data, shape }) => sum + (data ? elementCount(shape) : 0), 0);
  return { macs: total, parameters };
}
