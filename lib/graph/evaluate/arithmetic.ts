/** Arithmetic on constants, in double; the result is rounded once to its type. */
import { numberAttribute } from '../attributes.js';
import { constantOf, elementCount, numbersOf } from '../constant.js';
import { storageOf } from '../element-type.js';
import { reduceAxes } from '../shapes/linear.js';
import {
  broadcastStrides,
  type EvaluateInput,
  type EvaluateRule,
  type EvaluateRules,
  forEachOffset,
  stridesOf,
} from './rule.js';

/** `f(a, b)` over broadcast operands. */
function binary(f: (a: number, b: number, integer: boolean) => number): EvaluateRule {
  return (context) => {
    const { type, shape } = context.outputs[0]!;
    const a = context.value(0);
    const integer = storageOf(a.type)?.kind !== 'float';
    const fold = (left: number[], leftShape: readonly number[], index: number): number[] => {
      const right = context.value(index);
      const rightNumbers = numbersOf(right);
      const result = new Array<number>(elementCount(shape));
      const offsets = new Int32Array(result.length);
      forEachOffset(shape, broadcastStrides(leftShape, shape.length), 0, (offset, i) => {
        offsets[i] = offset;
      });
      forEachOffset(shape, broadcastStrides(right.shape, shape.length), 0, (offset, i) => {
        result[i] = f(left[offsets[i]!]!, rightNumbers[offset]!, integer);
      });
      return result;
    };
    let numbers = numbersOf(a);
    let numbersShape = a.shape;
    // Min, Max and Sum take any number of operands, one included.
    for (let index = 1; index < context.node.inputs.length; index++) {
      numbers = fold(numbers, numbersShape, index);
      numbersShape = shape;
    }
    return [constantOf(type, shape, numbers)];
  };
}

const unary =
  (f: (x: number) => number): EvaluateRule =>
  (context) => {
    const { type, shape } = context.outputs[0]!;
    return [constantOf(type, shape, numbersOf(context.value(0)).map(f))];
  };

/** Halves go to the even neighbour, as ONNX has it. */
function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function reduce(
  start: number,
  step: (sum: number, x: number) => number,
  finish = (sum: number, _count: number) => sum,
): EvaluateRule {
  return (context) => {
    const x = context.value(0);
    const axes = reduceAxes(context);
    const numbers = numbersOf(x);
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const sums = new Array<number>(elementCount(kept)).fill(start);
    forEachOffset(x.shape, strides, 0, (offset, i) => {
      sums[offset] = step(sums[offset]!, numbers[i]!);
    });
    const { type, shape } = context.outputs[0]!;
    return [
      constantOf(
        type,
        shape,
        sums.map((sum) => finish(sum, numbers.length / sums.length)),
      ),
    ];
  };
}

const cast: EvaluateRule = (context: EvaluateInput) => {
  const { type, shape } = context.outputs[0]!;
  return [constantOf(type, shape, numbersOf(context.value(0)))];
};

export const arithmeticEvaluation: EvaluateRules = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  // Integer division truncates, as in C.
  Div: binary((a, b, integer) => {
    if (!integer) return a / b;
    if (b === 0) throw new RangeError('integer division by zero');
    return Math.trunc(a / b);
  }),
  Mod: (context) => {
    const cLike = numberAttribute(context.node, 'fmod', 0) !== 0;
    return binary((a, b) => (cLike ? a % b : a - b * Math.floor(a / b)))(context);
  },
  Pow: binary((a, b) => a ** b),
  Min: binary((a, b) => Math.min(a, b)),
  Max: binary((a, b) => Math.max(a, b)),
  Sum: binary((a, b) => a + b),
  Equal: binary((a, b) => +(a === b)),
  Less: binary((a, b) => +(a < b)),
  LessOrEqual: binary((a, b) => +(a <= b)),
  Greater: binary((a, b) => +(a > b)),
  GreaterOrEqual: binary((a, b) => +(a >= b)),
  And: binary((a, b) => +(a !== 0 && b !== 0)),
  Or: binary((a, b) => +(a !== 0 || b !== 0)),
  Xor: binary((a, b) => +((a !== 0) !== (b !== 0))),
  Not: unary((x) => +(x === 0)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundHalfEven),
  Sign: unary(Math.sign),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Reciprocal: unary((x) => 1 / x),
  Relu: unary((x) => Math.max(0, x)),
  Sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  Tanh: unary(Math.tanh),
  Clip: (context) => {
    const low = context.has(1) ? numbersOf(context.value(1))[0]! : Number.NEGATIVE_INFINITY;
    const high = context.has(2) ? numbersOf(context.value(2))[0]! : Number.POSITIVE_INFINITY;
    return unary((x) => Math.min(high, Math.max(low, x)))(context);
  },
  Cast: cast,
  CastLike: cast,
  Where: (context) => {
    const { type, shape } = context.outputs[0]!;
    const condition = numbersOf(context.value(0));
    const chosen = new Array<number>(elementCount(shape));
    const strides = (index: number) => broadcastStrides(context.value(index).shape, shape.length);
    forEachOffset(shape, strides(0), 0, (offset, i) => {
      chosen[i] = condition[offset]!;
    });
    const take = (index: number, wanted: boolean, result: number[]) => {
      const numbers = numbersOf(context.value(index));
      forEachOffset(shape, strides(index), 0, (offset, i) => {
        if ((chosen[i] !== 0) === wanted) result[i] = numbers[offset]!;
      });
      return result;
    };
    return [constantOf(type, shape, take(2, false, take(1, true, new Array<number>(chosen.length))))];
  },
  ReduceSum: reduce(0, (sum, x) => sum + x),
  ReduceProd: reduce(1, (sum, x) => sum * x),
  ReduceMax: reduce(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduce(Number.POSITIVE_INFINITY, Math.min),
  ReduceMean: reduce(
    0,
    (sum, x) => sum + x,
    (sum, count) => sum / count,
  ),
};
