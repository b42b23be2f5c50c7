/** One term of a sum of convolutions of the same value, as a kernel in double. */
import type { Work } from '../../../work.js';
import { constantAttribute, numbersAttribute, stringAttribute } from '../../attributes.js';
import { elementCount, sameShape } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import type { Constant, Node } from '../../ir.js';
import { affineOf, widen } from './affine.js';
import { linearOf } from './linear.js';

export interface Branch {
  /** The term it computes. */
  readonly value: string;
  /** The node to remove when it is merged; undefined when the term is the input itself, or others read it too. */
  readonly node: Node | undefined;
  readonly input: string;
  /** OIHW with any number of spatial axes. */
  readonly shape: readonly number[];
  /** Made on demand: most sums are looked at and left alone. */
  weight(): Work<Float64Array>;
  readonly bias: Float64Array;
  readonly taps: number;
  readonly groups: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly padValue: Constant | undefined;
}

/** Elements per step of a conversion: well below a turn of the event loop. */
const convertedAtOnce = 1 << 17;

function* convert<A extends Float32Array | Float64Array>(from: Float32Array | Float64Array, to: A): Work<A> {
  for (let at = 0; at < from.length; at += convertedAtOnce) {
    to.set(from.subarray(at, at + convertedAtOnce), at);
    yield;
  }
  return to;
}

const inDouble = (values: Float32Array): Work<Float64Array> => convert(values, new Float64Array(values.length));
export const inSingle = (values: Float64Array): Work<Float32Array> => convert(values, new Float32Array(values.length));

function convolution(editor: GraphEditor, value: string, node: Node): Branch | undefined {
  const linear = linearOf(editor, node);
  if (!linear || stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const { shape, bias, groups } = linear.weights;
  const rank = shape.length - 2;
  const pads = numbersAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  return {
    value,
    node,
    input: node.inputs[0]!,
    shape,
    weight: () => inDouble(linear.weights.weight),
    bias: Float64Array.from(bias ?? new Float64Array(linear.outputChannels)),
    taps: elementCount(shape.slice(2)),
    groups,
    strides: numbersAttribute(node, 'strides') ?? new Array<number>(rank).fill(1),
    dilations: numbersAttribute(node, 'dilations') ?? new Array<number>(rank).fill(1),
    begins: pads.slice(0, rank),
    ends: pads.slice(rank),
    padValue: constantAttribute(node, 'padValue'),
  };
}

/** `scale` on the diagonal: what x*scale + shift is as a convolution with one tap, in as many groups as `like` has. */
function diagonal(
  value: string,
  node: Node | undefined,
  like: Branch,
  scale: Float64Array,
  shift: Float64Array,
): Branch | undefined {
  const [outputs = 0, groupInputs = 0] = like.shape;
  if (outputs !== groupInputs * like.groups || like.strides.some((stride) => stride !== 1)) return undefined;
  // biome-ignore lint/correctness/useYield: small beside the kernel it is added to
  const weight = function* () {
    const matrix = new Float64Array(outputs * groupInputs);
    for (let o = 0; o < outputs; o++) matrix[o * groupInputs + (o % groupInputs)] = scale[o]!;
    return matrix;
  };
  const ones = like.strides.map(() => 1);
  const zeros = like.strides.map(() => 0);
  const shape = [outputs, groupInputs, ...ones];
  return {
    ...like,
    value,
    node,
    shape,
    weight,
    bias: shift,
    taps: 1,
    dilations: ones,
    begins: zeros,
    ends: zeros,
    padValue: undefined,
  };
}

/** A term as a branch. With `like`, a channel scale of its input and that input itself count as well. */
export function branchOf(editor: GraphEditor, value: string, like: Branch | undefined): Branch | undefined {
  const node = editor.producer(value);
  const [outputs = 0] = like?.shape ?? [];
  if (like && value === like.input)
    return diagonal(value, undefined, like, new Float64Array(outputs).fill(1), new Float64Array(outputs));
  // Read elsewhere too, the branch would have to be computed anyway.
  if (!node || editor.readers(value).length !== 1 || editor.isOutput(value)) return undefined;
  if (node.op === 'Conv') return convolution(editor, value, node);
  const found = like && node.inputs[0] === like.input ? affineOf(editor, node) : undefined;
  const wide = found && widen(found, outputs);
  return wide && like ? diagonal(value, node, like, wide.scale, wide.shift) : undefined;
}

const readsBorder = ({ begins, ends }: Branch): boolean => [...begins, ...ends].some((pad) => pad > 0);

/** Where the first tap of `other` falls in the kernel of `base`, per axis; undefined where it does not fit into it. */
function offsets(base: Branch, other: Branch): number[] | undefined {
  const result = base.begins.map((begin, axis) => (begin - other.begins[axis]!) / base.dilations[axis]!);
  const fits = result.every((offset, axis) => {
    const extent = other.shape[axis + 2]!;
    const sameDilation = extent === 1 || other.dilations[axis] === base.dilations[axis];
    return Number.isInteger(offset) && offset >= 0 && offset + extent <= base.shape[axis + 2]! && sameDilation;
  });
  return fits ? result : undefined;
}

/** How much longer the padded input is than the kernel: equal slack and stride give equal extents for every input. */
const slack = ({ begins, ends, shape, dilations }: Branch): number[] =>
  begins.map((begin, axis) => begin + ends[axis]! - dilations[axis]! * (shape[axis + 2]! - 1));

/** Whether `other` computes what some taps of a kernel like `base`'s would. */
export function slidesAlike(base: Branch, other: Branch): boolean {
  if (
    base.input !== other.input ||
    base.groups !== other.groups ||
    !sameShape(base.shape.slice(0, 2), other.shape.slice(0, 2))
  )
    return false;
  if (!sameShape(base.strides, other.strides) || !sameShape(slack(base), slack(other)) || !offsets(base, other))
    return false;
  // A branch that stays inside the input does not care what is outside; two that do not must agree on it.
  if (!readsBorder(base) || !readsBorder(other)) return base.padValue === undefined || !readsBorder(other);
  const a = base.padValue?.data ?? [];
  const b = other.padValue?.data ?? [];
  return a.length === b.length && [...a].every((value, i) => value === b[i]);
}

/** `base` with the taps of `other` added. */
export function* mergeInto(base: Branch, other: Branch): Work<Branch> {
  const start = offsets(base, other)!;
  const weight = yield* base.weight();
  const added = yield* other.weight();
  const baseKernel = base.shape.slice(2);
  const otherKernel = other.shape.slice(2);
  const planes = base.shape[0]! * base.shape[1]!;
  for (let tap = 0; tap < other.taps; tap++) {
    let rest = tap;
    let target = 0;
    let step = 1;
    for (let axis = otherKernel.length - 1; axis >= 0; axis--) {
      const position = rest % otherKernel[axis]!;
      rest = Math.floor(rest / otherKernel[axis]!);
      target += (start[axis]! + position) * step;
      step *= baseKernel[axis]!;
    }
    for (let plane = 0; plane < planes; plane++)
      weight[plane * base.taps + target]! += added[plane * other.taps + tap]!;
    yield;
  }
  const bias = base.bias.map((value, o) => value + other.bias[o]!);
  // biome-ignore lint/correctness/useYield: it is there
  const merged = function* () {
    return weight;
  };
  return { ...base, weight: merged, bias, padValue: base.padValue ?? other.padValue };
}
