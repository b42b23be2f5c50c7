/** Moving elements of constants. Elements are copied as they are, so int64 stays exact. */
import { constantAttribute, numberAttribute, numbersAttribute } from '../attributes.js';
import { constantOf, elementCount, newArray, numbersOf } from '../constant.js';
import type { Constant, TypedArray } from '../ir.js';
import { padGeometry, shapeRange, sliceGeometry, splitGeometry } from '../shapes/movement.js';
import { resolveAxes } from '../shapes/rule.js';
import {
  broadcastStrides,
  type EvaluateInput,
  type EvaluateRule,
  type EvaluateRules,
  forEachOffset,
  stridesOf,
} from './rule.js';

type Elements = { [index: number]: number | bigint } & TypedArray;

/** Elements of `x` at `start + coordinates . strides`, as a tensor of `shape`. */
export function readStrided(x: Constant, shape: readonly number[], strides: readonly number[], start = 0): Constant {
  const data = newArray(x.type, elementCount(shape)) as Elements;
  const source = x.data as Elements;
  forEachOffset(shape, strides, start, (offset, index) => {
    data[index] = source[offset]!;
  });
  return { type: x.type, shape, data };
}

/** The constant with its axes in another order. */
export function transposeConstant(x: Constant, order: readonly number[]): Constant {
  const strides = stridesOf(x.shape);
  return readStrided(
    x,
    order.map((axis) => x.shape[axis]!),
    order.map((axis) => strides[axis]!),
  );
}

/** Same elements, the shape inference found. The array is shared: constants are never written to. */
const reshape: EvaluateRule = (context) => {
  const x = context.value(0);
  return [{ type: x.type, shape: context.outputs[0]!.shape, data: x.data }];
};

const shapeOf = (context: EvaluateInput): readonly number[] => context.outputs[0]!.shape;

export const movementEvaluation: EvaluateRules = {
  Identity: reshape,
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: (context) => {
    const x = context.value(0);
    return [
      transposeConstant(
        x,
        numbersAttribute(context.node, 'perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis),
      ),
    ];
  },
  Slice: (context) => {
    const x = context.value(0);
    const { starts, steps, output } = sliceGeometry(context);
    const strides = stridesOf(x.shape);
    const start = starts.reduce((sum, first, axis) => sum + first * strides[axis]!, 0);
    return [
      readStrided(
        x,
        output,
        strides.map((stride, axis) => stride * steps[axis]!),
        start,
      ),
    ];
  },
  Split: (context) => {
    const x = context.value(0);
    const { axis } = splitGeometry(context);
    const strides = stridesOf(x.shape);
    let start = 0;
    return context.outputs.map(({ shape }) => {
      const part = readStrided(x, shape, strides, start);
      start += shape[axis]! * strides[axis]!;
      return part;
    });
  },
  Expand: (context) => {
    const x = context.value(0);
    const shape = shapeOf(context);
    return [readStrided(x, shape, broadcastStrides(x.shape, shape.length))];
  },
  Tile: (context) => {
    const x = context.value(0);
    const shape = shapeOf(context);
    // Seen as [repeat, extent] per axis, a tile is a broadcast.
    const pairs = x.shape.flatMap((extent, axis) => [shape[axis]! / (extent || 1), extent]);
    const strides = stridesOf(x.shape).flatMap((stride) => [0, stride]);
    return [{ ...readStrided(x, pairs, strides), shape }];
  },
  Concat: (context) => {
    const shape = shapeOf(context);
    const axis = resolveAxes([numberAttribute(context.node, 'axis', 0)], shape.length)[0]!;
    const strides = stridesOf(shape);
    const type = context.outputs[0]!.type;
    const data = newArray(type, elementCount(shape)) as Elements;
    let start = 0;
    for (const index of context.node.inputs.keys()) {
      const part = context.value(index);
      const source = part.data as Elements;
      forEachOffset(part.shape, strides, start, (offset, i) => {
        data[offset] = source[i]!;
      });
      start += part.shape[axis]! * strides[axis]!;
    }
    return [{ type, shape, data }];
  },
  Gather: (context) => {
    const x = context.value(0);
    const axis = resolveAxes([numberAttribute(context.node, 'axis', 0)], x.shape.length)[0]!;
    const extent = x.shape[axis]!;
    const indices = numbersOf(context.value(1)).map((index) => (index < 0 ? index + extent : index));
    if (indices.some((index) => index < 0 || index >= extent))
      throw new RangeError(`index outside an extent of ${extent}`);
    const inner = elementCount(x.shape.slice(axis + 1));
    const outer = elementCount(x.shape.slice(0, axis));
    const shape = shapeOf(context);
    const data = newArray(x.type, elementCount(shape)) as Elements;
    const source = x.data as Elements;
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices) {
        const from = (o * extent + index) * inner;
        for (let i = 0; i < inner; i++) data[to++] = source[from + i]!;
      }
    }
    return [{ type: x.type, shape, data }];
  },
  Pad: (context) => {
    if ((context.node.attributes['mode'] ?? 'constant') !== 'constant')
      throw new RangeError('only constant padding is folded');
    const x = context.value(0);
    const { begins, ends, output } = padGeometry(context);
    if ([...begins, ...ends].some((pad) => pad < 0)) throw new RangeError('cropping pads are not folded');
    const fill = context.has(2) ? numbersOf(context.value(2))[0]! : 0;
    const result = constantOf(x.type, output, new Float64Array(elementCount(output)).fill(fill));
    const data = result.data as Elements;
    const source = x.data as Elements;
    const strides = stridesOf(output);
    const start = begins.reduce((sum, begin, axis) => sum + begin * strides[axis]!, 0);
    forEachOffset(x.shape, strides, start, (offset, i) => {
      data[offset] = source[i]!;
    });
    return [result];
  },
  ConstantOfShape: (context) => {
    const value = constantAttribute(context.node, 'value') ?? constantOf('float32', [1], [0]);
    const shape = shapeOf(context);
    return [
      readStrided(
        value,
        shape,
        shape.map(() => 0),
      ),
    ];
  },
  Range: (context) => {
    const [start = 0] = numbersOf(context.value(0));
    const [delta = 1] = numbersOf(context.value(2));
    const { type, shape } = context.outputs[0]!;
    return [
      constantOf(
        type,
        shape,
        Array.from({ length: shape[0]! }, (_, i) => start + i * delta),
      ),
    ];
  },
};

/** Operators whose result depends on the shape of what they read, not on its elements. */
export const shapeEvaluation: EvaluateRules = {
  Shape: (context) => {
    const { shape } = context.input(0);
    const [start, end] = shapeRange(context, shape.length);
    const extents = shape.slice(start, Math.max(start, end));
    return [constantOf('int64', [extents.length], extents)];
  },
  Size: (context) => [constantOf('int64', [], [elementCount(context.input(0).shape)])],
  EyeLike: (context) => {
    const { type, shape } = context.outputs[0]!;
    const [rows = 0, columns = 0] = shape;
    const k = numberAttribute(context.node, 'k', 0);
    const ones = Array.from({ length: rows * columns }, (_, i) => +((i % columns) - Math.floor(i / columns) === k));
    return [constantOf(type, shape, ones)];
  },
};
