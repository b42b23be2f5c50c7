/**
 * An eager operator is a plan of one step (a separable convolution: of two), built from checked arguments, run once on the
 * calling thread and freed. This is the only way from an operator to the addon.
 */
import { shapeText } from '../describe.js';
import { LanewiseError } from '../errors.js';
import type { PlanPort, PlanSpec, PlanStep, PlanValue, ValueIndex } from '../graph/plan-spec.js';
import { type Isa, type NativePlan, type NativeWeights, native } from '../native.js';
import { callNative } from '../native-error.js';
import { checkFloat32, elementsOf, overlap, Tensor } from '../tensor.js';
import { checkWord, type Layout } from './options.js';

/** Options every operator takes. */
export interface OperatorOptions {
  /**
   * Where the result goes, and what is returned: a float32 tensor of the result's shape that shares no memory with an
   * operand. Without it a new tensor is made.
   */
  readonly out?: Tensor;
  /** For debugging: the instruction set to use, instead of the best (`cpuInfo().active`). */
  readonly isa?: Isa;
}

export const operatorNames = ['out', 'isa'] as const;

/** Below this many multiplications waking other threads costs more than it saves. */
const oneThreadBelow = 2 ** 18;
/** An element moved or mapped counts as this many multiplications. */
const workPerElement = 8;

const product = (shape: readonly number[]): number => shape.reduce((count, extent) => count * extent, 1);

interface Result {
  readonly shape: readonly number[];
  readonly value: ValueIndex;
}

/** Omit over each member of a union. */
type WithoutName<S> = S extends unknown ? Omit<S, 'name'> : never;

export class OneStep {
  readonly #values: PlanValue[] = [];
  readonly #inputs: PlanPort[] = [];
  readonly #outputs: PlanPort[] = [];
  readonly #steps: PlanStep[] = [];
  readonly #feeds: Float32Array[] = [];
  readonly #results: Result[] = [];
  readonly #op: string;
  /** Multiplications of the steps, where they are more than the elements tell. */
  work = 0;

  constructor(op: string) {
    this.#op = op;
  }

  #add(name: string, shape: readonly number[], data?: Float32Array): ValueIndex {
    // Within one recipe a constant has the same index for every input shape, so its index is its identity in the cache.
    const value: PlanValue = data ? { name, shape, data, id: this.#values.length } : { name, shape };
    return this.#values.push(value) - 1;
  }

  /** An operand; `shape` is how the plan sees it ([N, C, H, W] for images). */
  input(
    name: string,
    { data, shape: own }: Tensor,
    shape: readonly number[] = own,
    layout: Layout = 'nchw',
  ): ValueIndex {
    const value = this.#add(name, shape);
    this.#inputs.push({ value, layout });
    this.#feeds.push(data);
    return value;
  }

  /** Weights and other operands that the plan may pack. */
  constant(name: string, data: Float32Array, shape: readonly number[] = [data.length]): ValueIndex {
    return this.#add(name, shape, data);
  }

  /** What a step computes. */
  value(name: string, shape: readonly number[]): ValueIndex {
    return this.#add(name, shape);
  }

  shapeOf(value: ValueIndex): readonly number[] {
    return this.#values[value]!.shape;
  }

  /** Declares a computed value as a result; `shape` is how the caller sees it. */
  output(value: ValueIndex, shape: readonly number[] = this.shapeOf(value), layout: Layout = 'nchw'): void {
    this.#outputs.push({ value, layout });
    this.#results.push({ shape, value });
  }

  step(step: WithoutName<PlanStep>): void {
    this.#steps.push({ ...step, name: this.#op } as PlanStep);
  }

  /**
   * Runs and frees the plan.
   * @param fill what the results hold when there is nothing to compute them from: then no plan is made
   */
  run(options: OperatorOptions, fill?: number): Tensor[] {
    if (fill !== undefined)
      return this.#tensors(
        this.#targets(options.out).map((array) => array.fill(fill)),
        options.out,
      );
    const isa = checkIsa(this.#op, options.isa);
    let plan: NativePlan | undefined;
    try {
      return this.runOn(() => (plan = this.compile(undefined, isa)), options.out);
    } finally {
      plan?.dispose();
    }
  }

  /** The plan, for callers that keep it. */
  compile(weights?: NativeWeights, isa?: Isa): NativePlan {
    const spec: PlanSpec = { values: this.#values, inputs: this.#inputs, outputs: this.#outputs, steps: this.#steps };
    return callNative(this.#op, () => new native.Plan(spec, weights, isa));
  }

  /** Runs on a plan compiled from a description equal to this one; it is asked for when everything is checked. */
  runOn(planOf: () => NativePlan, out: Tensor | undefined): Tensor[] {
    const arrays = this.#targets(out);
    if (!this.#isEmpty()) {
      const elements = this.#values.reduce((sum, { shape }) => sum + product(shape), 0);
      const threads = Math.max(this.work, elements * workPerElement) < oneThreadBelow ? 1 : undefined;
      const plan = planOf();
      callNative(this.#op, () => plan.runSync(this.#feeds, arrays, threads));
    }
    return this.#tensors(arrays, out);
  }

  #tensors(arrays: readonly Float32Array[], out: Tensor | undefined): Tensor[] {
    if (out) return [out];
    return this.#results.map(({ shape }, i) => new Tensor('float32', arrays[i]!, shape));
  }

  /** Nothing to compute: the geometry was checked, and no kernel needs to know about empty results. */
  #isEmpty(): boolean {
    return this.#results.every(({ shape }) => product(shape) === 0);
  }

  #allocate(shape: readonly number[]): Float32Array {
    const count = elementsOf(`${this.#op}: shape of the result`, shape);
    try {
      return new Float32Array(count);
    } catch (cause) {
      throw new LanewiseError('ERR_OUT_OF_MEMORY', `${this.#op}: no memory for a result of shape ${shapeText(shape)}`, {
        cause,
      });
    }
  }

  #targets(out: Tensor | undefined): Float32Array[] {
    if (out === undefined) return this.#results.map(({ shape }) => this.#allocate(shape));
    const { data, shape } = checkFloat32(this.#op, 'out', out);
    const expected = this.#results[0]!.shape;
    if (shape.length !== expected.length || shape.some((extent, axis) => extent !== expected[axis])) {
      throw new RangeError(`${this.#op}: out: expected shape ${shapeText(expected)}, got ${shapeText(shape)}`);
    }
    const operands = [...this.#feeds, ...this.#values.flatMap(({ data }) => (ArrayBuffer.isView(data) ? data : []))];
    if (operands.some((operand) => overlap(data, operand))) {
      throw new RangeError(`${this.#op}: out: expected memory of its own, got an array that overlaps an operand`);
    }
    return [data];
  }
}

export function checkIsa(op: string, isa: unknown): Isa | undefined {
  return isa === undefined ? undefined : checkWord<Isa>(op, 'isa', isa, ['scalar', 'avx2', 'avx512', 'amx', 'neon']);
}
