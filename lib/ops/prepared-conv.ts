/** A convolution whose weights are packed once. */
import { LanewiseError } from '../errors.js';
import { type Isa, type NativePlan, type NativeWeights, native } from '../native.js';
import { callNative } from '../native-error.js';
import type { Tensor } from '../tensor.js';
import { type ConvOptions, type ConvRecipe, convNames, convRecipe, convStep } from './conv.js';
import { checkIsa } from './one-step.js';
import { checkOptions } from './options.js';

export interface PrepareConv2dOptions extends ConvOptions {
  /** For debugging: the instruction set to use, instead of the best (`cpuInfo().active`). */
  readonly isa?: Isa | undefined;
}

/** Plans kept, one per input shape; packed weights are shared by all of them. */
const maxPlans = 8;

/** A convolution with packed weights: see {@link prepareConv2d}. */
export class PreparedConv2d {
  readonly #recipe: ConvRecipe;
  readonly #isa: Isa | undefined;
  readonly #weights: NativeWeights = callNative('prepareConv2d', () => new native.Weights());
  /** By input shape, least recently used first. */
  readonly #plans = new Map<string, NativePlan>();
  #disposed = false;

  /** @internal use prepareConv2d */
  constructor(recipe: ConvRecipe, isa: Isa | undefined) {
    this.#recipe = recipe;
    this.#isa = isa;
  }

  /**
   * The convolution of x.
   * @param x [N, C, H, W], or [N, H, W, C] when prepared with `layout: 'nhwc'`
   * @param out where the result goes: a float32 tensor of its shape that shares no memory with x
   * @throws TypeError, RangeError as {@link conv2d}
   * @throws LanewiseError ERR_DISPOSED after dispose()
   */
  run(x: Tensor, out?: Tensor): Tensor {
    if (this.#disposed) throw new LanewiseError('ERR_DISPOSED', 'PreparedConv2d: run() was called after dispose()');
    const step = convStep('PreparedConv2d', x, this.#recipe);
    return step.runOn(() => this.#planFor(x, () => step.compile(this.#weights, this.#isa)), out)[0]!;
  }

  #planFor({ shape }: Tensor, make: () => NativePlan): NativePlan {
    const key = shape.join('x');
    const plan = this.#plans.get(key) ?? make();
    this.#plans.delete(key);
    this.#plans.set(key, plan);
    if (this.#plans.size > maxPlans) {
      const [oldest] = this.#plans.keys();
      this.#plans.get(oldest!)!.dispose();
      this.#plans.delete(oldest!);
    }
    return plan;
  }

  /** Frees weights and plans. Calling it again does nothing. */
  dispose(): void {
    this.#disposed = true;
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#weights.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * A {@link conv2d} to be run many times: the weights are copied and packed once, and what depends on the input shape is kept
 * for the last eight shapes.
 *
 * @param weight [O, C/groups, KH, KW]; for a depthwise convolution pass `groups: C`
 * @throws TypeError, RangeError as {@link conv2d}
 * @example
 * const conv = prepareConv2d(weight, { bias, padding: 1, activation: 'relu' });
 * const y = conv.run(x);
 */
export function prepareConv2d(weight: Tensor, options?: PrepareConv2dOptions): PreparedConv2d {
  const op = 'prepareConv2d';
  const o = checkOptions(op, options, [...convNames, 'groups', 'isa']);
  const isa = checkIsa(op, o.isa);
  const recipe = convRecipe(op, weight, o);
  const { epilogue } = recipe;
  // Another input shape may want another packing, so the caller must not be able to change the originals.
  const kept = Object.fromEntries(
    Object.entries(epilogue).map(([name, value]) => [name, value instanceof Float32Array ? value.slice() : value]),
  );
  return new PreparedConv2d(
    { ...recipe, weight: recipe.weight.slice(), padValue: recipe.padValue?.slice(), epilogue: kept },
    isa,
  );
}
