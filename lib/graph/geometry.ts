/** Windows sliding over spatial axes: the arithmetic convolution and pooling share, used by inference and by lowering alike. */
import { numberAttribute, numbersAttribute, stringAttribute } from './attributes.js';
import type { Node } from './ir.js';
import { ShapeError } from './shape-error.js';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements added before and after each spatial axis. */
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  /** Spatial extents of the result. */
  readonly output: readonly number[];
}

function perAxis(node: Node, name: string, rank: number, fallback: number): readonly number[] {
  const values = numbersAttribute(node, name) ?? new Array<number>(rank).fill(fallback);
  if (values.length !== rank)
    throw new ShapeError(`attribute '${name}' has ${values.length} values, ${rank} spatial axes need ${rank}`);
  return values;
}

function positive(name: string, values: readonly number[]): readonly number[] {
  if (values.some((value) => !(Number.isInteger(value) && value > 0)))
    throw new ShapeError(`attribute '${name}' must be positive, got [${values}]`);
  return values;
}

function explicitPads(node: Node, rank: number): { begins: number[]; ends: number[] } {
  const pads = numbersAttribute(node, 'pads') ?? new Array<number>(2 * rank).fill(0);
  if (pads.length !== 2 * rank)
    throw new ShapeError(`attribute 'pads' has ${pads.length} values, ${rank} spatial axes need ${2 * rank}`);
  return { begins: pads.slice(0, rank), ends: pads.slice(rank) };
}

/** Splits what has to be added over both ends; the odd element goes to the end unless SAME_LOWER. */
function splitPads(total: number, lower: boolean): [begin: number, end: number] {
  const small = Math.floor(total / 2);
  return lower ? [total - small, small] : [small, total - small];
}

/** The window of a Conv or pool over `spatial` extents (NaN where an extent is not known yet). */
export function slidingWindow(node: Node, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  if (kernel.length !== rank) throw new ShapeError(`a kernel [${kernel}] cannot slide over ${rank} spatial axes`);
  positive('kernel_shape', kernel);
  const strides = positive('strides', perAxis(node, 'strides', rank, 1));
  const dilations = positive('dilations', perAxis(node, 'dilations', rank, 1));
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const ceilMode = numberAttribute(node, 'ceil_mode', 0) !== 0;
  const { begins, ends } = explicitPads(node, rank);
  const output = spatial.map((extent, axis) => {
    const reach = dilations[axis]! * (kernel[axis]! - 1) + 1;
    const stride = strides[axis]!;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      const out = Math.ceil(extent / stride);
      const total = Math.max(0, (out - 1) * stride + reach - extent);
      [begins[axis], ends[axis]] = splitPads(total, autoPad === 'SAME_LOWER');
      return out;
    }
    if (autoPad === 'VALID') begins[axis] = ends[axis] = 0;
    const room = extent + begins[axis]! + ends[axis]! - reach;
    if (!ceilMode) return Math.floor(room / stride) + 1;
    const out = Math.ceil(room / stride) + 1;
    // A last window that would start in the padding behind the input is dropped.
    return (out - 1) * stride >= extent + begins[axis]! ? out - 1 : out;
  });
  if (output.some((extent) => extent <= 0)) {
    throw new ShapeError(
      `a kernel [${kernel}] with dilations [${dilations}] does not fit into [${spatial}] with pads [${begins}, ${ends}]`,
    );
  }
  return { kernel, strides, dilations, begins, ends, output };
}

/** The window of a ConvTranspose, with `output_padding`, `output_shape` and `auto_pad` resolved. */
export function transposedWindow(node: Node, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  if (kernel.length !== rank) throw new ShapeError(`a kernel [${kernel}] cannot slide over ${rank} spatial axes`);
  const strides = positive('strides', perAxis(node, 'strides', rank, 1));
  const dilations = positive('dilations', perAxis(node, 'dilations', rank, 1));
  const extra = perAxis(node, 'output_padding', rank, 0);
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER';
  const { begins, ends } = explicitPads(node, rank);
  const wanted =
    numbersAttribute(node, 'output_shape')?.slice(-rank) ??
    (same ? spatial.map((extent, axis) => extent * strides[axis]!) : undefined);
  const output = spatial.map((extent, axis) => {
    const full = strides[axis]! * (extent - 1) + extra[axis]! + dilations[axis]! * (kernel[axis]! - 1) + 1;
    if (wanted) {
      // The standard puts the odd element in front unless SAME_UPPER is asked for.
      const total = Math.max(0, full - wanted[axis]!);
      [begins[axis], ends[axis]] = splitPads(total, autoPad !== 'SAME_UPPER');
      return wanted[axis]!;
    }
    if (autoPad === 'VALID') begins[axis] = ends[axis] = 0;
    return full - begins[axis]! - ends[axis]!;
  });
  if (output.some((extent) => extent <= 0)) throw new ShapeError(`the result would have extents [${output}]`);
  return { kernel, strides, dilations, begins, ends, output };
}

/** The window of a DeformConv, whose kernel is that of the weight. */
export const deformWindow = (node: Node, x: readonly number[], weight: readonly number[]): Window =>
  slidingWindow(node, x.slice(2), weight.slice(2));
