/** Operators made of others: each function pushes one step and returns its result, `y` where it is given. */
import type { BinaryFunction, ReduceFunction, UnaryFunction, ValueIndex } from '../plan-spec.js';
import { broadcastShapes } from '../shapes/rule.js';
import type { LowerInput } from './builder.js';

export class Composer {
  readonly #context: LowerInput;
  #parts = 0;

  constructor(context: LowerInput) {
    this.#context = context;
  }

  shapeOf(x: ValueIndex): readonly number[] {
    return this.#context.builder.shapeOf(x);
  }

  /** A value of this operator that no other node sees. */
  part(shape: readonly number[], data?: Float32Array): ValueIndex {
    return this.#context.builder.extra(`${this.#context.node.name}.${this.#parts++}`, shape, data);
  }

  scalar(value: number): ValueIndex {
    return this.part([], Float32Array.of(value));
  }

  unary(fn: UnaryFunction, x: ValueIndex, y = this.part(this.shapeOf(x)), alpha = 0, beta = 0): ValueIndex {
    this.#push({ op: 'unary', inputs: [x], outputs: [y], fn, alpha, beta });
    return y;
  }

  binary(
    fn: BinaryFunction,
    a: ValueIndex,
    b: ValueIndex,
    y = this.part(broadcastShapes(this.shapeOf(a), this.shapeOf(b))),
  ): ValueIndex {
    this.#push({ op: 'binary', inputs: [a, b], outputs: [y], fn });
    return y;
  }

  /** The reduced axes stay, with extent 1. */
  reduce(fn: ReduceFunction, x: ValueIndex, axes: readonly number[], y?: ValueIndex): ValueIndex {
    const kept = this.shapeOf(x).map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const result = y ?? this.part(kept);
    this.#push({ op: 'reduce', inputs: [x], outputs: [result], fn, axes });
    return result;
  }

  transpose(x: ValueIndex, permutation: readonly number[], y?: ValueIndex): ValueIndex {
    const shape = this.shapeOf(x);
    const result = y ?? this.part(permutation.map((axis) => shape[axis]!));
    this.#push({ op: 'transpose', inputs: [x], outputs: [result], permutation });
    return result;
  }

  /** a [..., M, K] times b [..., K, N], or b [..., N, K] with `transposeB`. */
  matmul(a: ValueIndex, b: ValueIndex, transposeB: boolean, y?: ValueIndex): ValueIndex {
    const left = this.shapeOf(a);
    const right = this.shapeOf(b);
    const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
    const result = y ?? this.part([...batch, left.at(-2)!, right.at(transposeB ? -2 : -1)!]);
    this.#push({ op: 'matmul', inputs: [a, b], outputs: [result], transposeB });
    return result;
  }

  reshaped(x: ValueIndex, shape: readonly number[]): ValueIndex {
    return this.#context.builder.reshaped(x, shape);
  }

  #push(step: Record<string, unknown>): void {
    this.#context.builder.steps.push({ name: this.#context.node.name, ...step } as never);
  }
}
