/**
 * Operators whose result has as many elements as their data say. They are computed here, on values that are known: a model
 * that computes such values runs in stages (lib/stages.ts).
 */
import { flagAttribute, numberAttribute } from '../attributes.js';
import { constantOf, elementCount, newArray, numbersOf, scalarOf } from '../constant.js';
import type { Constant, TypedArray } from '../ir.js';
import { ShapeError } from '../shape-error.js';
import { type RuleInput, resolveAxes } from '../shapes/rule.js';
import { stridesOf } from './rule.js';

type Elements = { [index: number]: number | bigint } & TypedArray;

/** The value of an input that the shape rule has found to be known. */
const knownValue = (context: RuleInput, index: number): Constant => context.constant(index)!;

function nonZero(context: RuleInput): Constant[] {
  const x = knownValue(context, 0);
  // A scalar counts as a vector of one.
  const shape = x.shape.length === 0 ? [1] : x.shape;
  const found: number[] = [];
  for (let i = 0; i < x.data.length; i++) if (Number(x.data[i]) !== 0) found.push(i);
  const coordinates = stridesOf(shape).flatMap((stride, axis) =>
    found.map((i) => Math.floor(i / stride) % shape[axis]!),
  );
  return [constantOf('int64', [shape.length, found.length], coordinates)];
}

/** Slices `kept` of an axis. */
function takeSlices(x: Constant, axis: number, kept: readonly number[]): Constant {
  const inner = elementCount(x.shape.slice(axis + 1));
  const extent = x.shape[axis]!;
  const shape = x.shape.map((other, i) => (i === axis ? kept.length : other));
  const data = newArray(x.type, elementCount(shape)) as Elements;
  const source = x.data as Elements;
  let to = 0;
  for (let outer = 0; outer < elementCount(x.shape.slice(0, axis)); outer++) {
    for (const index of kept) {
      const from = (outer * extent + index) * inner;
      for (let i = 0; i < inner; i++) data[to++] = source[from + i]!;
    }
  }
  return { type: x.type, shape, data };
}

const flat = (x: Constant): Constant => ({ ...x, shape: [x.data.length] });

function compress(context: RuleInput): Constant[] {
  const { node } = context;
  const axis = node.attributes['axis'];
  const x = axis === undefined ? flat(knownValue(context, 0)) : knownValue(context, 0);
  const along = axis === undefined ? 0 : resolveAxes([numberAttribute(node, 'axis', 0)], x.shape.length)[0]!;
  const kept = numbersOf(knownValue(context, 1)).flatMap((flag, i) => (flag !== 0 ? [i] : []));
  if (kept.some((index) => index >= x.shape[along]!)) throw new ShapeError('the condition is longer than the axis');
  return [takeSlices(x, along, kept)];
}

function unique(context: RuleInput): Constant[] {
  const { node } = context;
  const given = node.attributes['axis'];
  const x = given === undefined ? flat(knownValue(context, 0)) : knownValue(context, 0);
  const axis = given === undefined ? 0 : resolveAxes([numberAttribute(node, 'axis', 0)], x.shape.length)[0]!;
  const slices = Array.from({ length: x.shape[axis]! }, (_, i) => takeSlices(x, axis, [i]).data);
  const compare = (a: TypedArray, b: TypedArray): number => {
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
    return 0;
  };
  const order = [...slices.keys()].sort((a, b) => compare(slices[a]!, slices[b]!) || a - b);
  const groups: number[][] = [];
  for (const index of order) {
    const last = groups.at(-1);
    if (last && compare(slices[last[0]!]!, slices[index]!) === 0) last.push(index);
    else groups.push([index]);
  }
  if (!flagAttribute(node, 'sorted', true)) groups.sort((a, b) => a[0]! - b[0]!);
  const inverse = new Array<number>(slices.length).fill(0);
  for (const [group, members] of groups.entries()) for (const index of members) inverse[index] = group;
  const first = groups.map((members) => members[0]!);
  const counts = groups.map((members) => members.length);
  return [
    takeSlices(x, axis, first),
    constantOf('int64', [first.length], first),
    constantOf('int64', [inverse.length], inverse),
    constantOf('int64', [counts.length], counts),
  ];
}

/** Corners of a box as y1 <= y2, x1 <= x2. */
type Box = readonly [y1: number, x1: number, y2: number, x2: number];

function boxAt(data: ArrayLike<number>, offset: number, centered: boolean): Box {
  const [a, b, c, d] = [data[offset]!, data[offset + 1]!, data[offset + 2]!, data[offset + 3]!];
  if (centered) return [b - d / 2, a - c / 2, b + d / 2, a + c / 2];
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}

function overlapOf(a: Box, b: Box): number {
  const height = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const width = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(height > 0 && width > 0)) return 0;
  const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);
  const shared = height * width;
  const union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}

function nonMaxSuppression(context: RuleInput): Constant[] {
  const boxes = knownValue(context, 0);
  const scores = knownValue(context, 1);
  const [batches = 0, count = 0, four] = boxes.shape;
  const classes = scores.shape[1] ?? 0;
  if (boxes.shape.length !== 3 || four !== 4 || scores.shape.length !== 3 || scores.shape[2] !== count)
    throw new ShapeError(`boxes [${boxes.shape}] and scores [${scores.shape}] do not fit together`);
  if (scores.shape[0] !== batches) throw new ShapeError(`${batches} and ${scores.shape[0]} images`);
  const option = (index: number) => (context.has(index) ? scalarOf(knownValue(context, index)) : undefined);
  const most = option(2) ?? 0;
  const overlap = option(3) ?? 0;
  const least = option(4) ?? Number.NEGATIVE_INFINITY;
  const centered = numberAttribute(context.node, 'center_point_box', 0) === 1;
  const boxData = boxes.data as Float32Array;
  const scoreData = scores.data as Float32Array;
  const selected: number[] = [];
  for (let image = 0; image < batches; image++) {
    for (let kind = 0; kind < classes; kind++) {
      const score = (i: number) => scoreData[(image * classes + kind) * count + i]!;
      const candidates = Array.from({ length: count }, (_, i) => i).filter((i) => score(i) > least);
      candidates.sort((a, b) => score(b) - score(a) || a - b);
      const kept: Box[] = [];
      for (const i of candidates) {
        if (kept.length >= most) break;
        const box = boxAt(boxData, (image * count + i) * 4, centered);
        if (kept.some((other) => overlapOf(other, box) > overlap)) continue;
        kept.push(box);
        selected.push(image, kind, i);
      }
    }
  }
  return [constantOf('int64', [selected.length / 3, 3], selected)];
}

const selections: Readonly<Record<string, (context: RuleInput) => Constant[]>> = {
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
};

/** The outputs of a node all of whose inputs are known. */
export const evaluateSelection = (context: RuleInput): readonly Constant[] => selections[context.node.op]!(context);

export const selectionEvaluation = Object.fromEntries(Object.keys(selections).map((op) => [op, evaluateSelection]));
