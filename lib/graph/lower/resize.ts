/**
 * Resize. Nearest and linear over the spatial axes of images have a kernel of their own; everything else is a sequence of
 * resamplings along one axis, whose taps are computed here.
 */
import { flagAttribute, numberAttribute, stringAttribute } from '../attributes.js';
import { numbersOf, sameShape } from '../constant.js';
import type { InterpolateStep, Resize2dStep, ValueIndex } from '../plan-spec.js';
import { resizeGeometry } from '../shapes/window.js';
import { checkTable, type LowerInput, type LowerRule, oneOf, requireConstant } from './builder.js';

const modes = ['nearest', 'linear', 'cubic'] as const;
const imageCoordinates = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
] as const;
const coordinateModes = [...imageCoordinates, 'tf_crop_and_resize', 'tf_half_pixel_for_nn'] as const;
const roundings = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;

interface Settings {
  readonly mode: (typeof modes)[number];
  readonly coordinates: (typeof coordinateModes)[number];
  readonly rounding: (typeof roundings)[number];
  readonly antialias: boolean;
  readonly excludeOutside: boolean;
  readonly cubicA: number;
  readonly extrapolation: number;
}

interface ResampledAxis {
  readonly inputs: number;
  readonly outputs: number;
  readonly scale: number;
  /** Extent of the result before it was rounded to whole elements. */
  readonly length: number;
  /** What is cropped (tf_crop_and_resize), as shares of the axis. */
  readonly crop: readonly [start: number, end: number];
}

/** Where output position `i` lies in the input. */
const positions: Readonly<
  Record<Settings['coordinates'], (i: number, axis: ResampledAxis, round: (value: number) => number) => number>
> = {
  half_pixel: (i, { scale }, round) => round(round(i + 0.5) / scale) - 0.5,
  half_pixel_symmetric: (i, { scale, inputs, outputs, length }, round) =>
    round((inputs / 2) * (1 - outputs / length) + round(round(i + 0.5) / scale) - 0.5),
  pytorch_half_pixel: (i, { scale, length }, round) => (length > 1 ? round(round(i + 0.5) / scale) - 0.5 : 0),
  align_corners: (i, { inputs, length }, round) => (length === 1 ? 0 : round((i * (inputs - 1)) / (length - 1))),
  asymmetric: (i, { scale }, round) => round(i / scale),
  tf_half_pixel_for_nn: (i, { scale }, round) => round(round(i + 0.5) / scale),
  tf_crop_and_resize: (i, { inputs, length, crop: [start, end] }, round) =>
    round(
      length > 1
        ? start * (inputs - 1) + (i * (end - start) * (inputs - 1)) / (length - 1)
        : 0.5 * (start + end) * (inputs - 1),
    ),
};

const roundTo: Readonly<Record<Settings['rounding'], (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Keys' cubic convolution. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** The weights around position `at`, as [input position, weight]; positions may lie outside of the axis. */
function weightsAt(at: number, axis: ResampledAxis, { mode, antialias, cubicA }: Settings): [number, number][] {
  const base = Math.ceil(at) - 1;
  const kernel = (x: number) => (mode === 'cubic' ? cubic(x, cubicA) : Math.max(0, 1 - Math.abs(x)));
  // Shrinking with antialias widens the kernel to the pixels that an output stands for.
  const shrink = antialias ? Math.min(axis.scale, 1) : 1;
  const first = Math.floor(-(mode === 'cubic' ? 2 : 1) / shrink) + 1;
  const taps: [number, number][] = [];
  for (let i = first; i < 2 - first; i++) taps.push([base + i, kernel((base + i - at) * shrink)]);
  if (!antialias) return taps;
  const sum = taps.reduce((total, [, weight]) => total + weight, 0);
  return taps.map(([position, weight]) => [position, weight / sum]);
}

type Taps = Pick<InterpolateStep, 'starts' | 'indices' | 'weights' | 'fill'>;

function tapsOf(given: ResampledAxis, settings: Settings): Taps {
  const starts = [0];
  const indices: number[] = [];
  const weights: number[] = [];
  const last = given.inputs - 1;
  const clamp = (position: number) => Math.min(last, Math.max(0, position));
  const nearest = settings.mode === 'nearest';
  checkTable((nearest ? 1 : 8) * Math.max(given.inputs, given.outputs));
  // The nearest pixel is found in float, as the scale of the model is: 3 / 0.6f is 5 then, not 4.9999998.
  const round = nearest ? Math.fround : (value: number) => value;
  const axis = { ...given, scale: round(given.scale) };
  for (let i = 0; i < axis.outputs; i++) {
    const at = positions[settings.coordinates](i, axis, round);
    const outside = settings.coordinates === 'tf_crop_and_resize' && (at < 0 || at > last);
    if (!outside) {
      let taps: [number, number][] = nearest ? [[roundTo[settings.rounding](at), 1]] : weightsAt(at, axis, settings);
      if (settings.excludeOutside && !nearest) {
        taps = taps.filter(([position]) => position >= 0 && position <= last);
        const sum = taps.reduce((total, [, weight]) => total + weight, 0);
        taps = taps.map(([position, weight]) => [position, weight / sum]);
      }
      // A weight of zero is left out, so that an infinity or NaN beside the window does not get in.
      for (const [position, weight] of taps) {
        if (weight === 0) continue;
        indices.push(clamp(position));
        weights.push(weight);
      }
    }
    starts.push(indices.length);
  }
  return { starts, indices, weights, fill: settings.extrapolation };
}

const resampled = (axis: ResampledAxis, settings: Settings): boolean =>
  axis.scale !== 1 || axis.inputs !== axis.outputs || settings.coordinates === 'tf_crop_and_resize';

/** The step for images where it knows all that is asked for. */
function imageStep(
  axes: readonly ResampledAxis[],
  settings: Settings,
): Pick<Resize2dStep, 'mode' | 'coordinates' | 'rounding' | 'scales'> | undefined {
  const { mode, coordinates, rounding } = settings;
  const known = imageCoordinates.find((name) => name === coordinates);
  if (mode === 'cubic' || !known || (axes.length !== 4 && axes.length !== 3)) return undefined;
  if (settings.antialias && axes.some(({ scale }) => scale < 1)) return undefined;
  if (axes.slice(0, 2).some((axis) => resampled(axis, settings))) return undefined;
  if (coordinates === 'align_corners' && axes.some(({ length, outputs }) => length !== outputs)) return undefined;
  const [height, width] = axes.length === 4 ? [axes[2]!.scale, axes[3]!.scale] : [1, axes[2]!.scale];
  return { mode, coordinates: known, rounding, scales: [height, width] };
}

function settingsOf(context: LowerInput): Settings {
  const { node } = context;
  return {
    mode: oneOf(context, 'mode', modes, 'nearest'),
    coordinates: oneOf(context, 'coordinate_transformation_mode', coordinateModes, 'half_pixel'),
    rounding: oneOf(context, 'nearest_mode', roundings, 'round_prefer_floor'),
    antialias: flagAttribute(node, 'antialias', false) && stringAttribute(node, 'mode', 'nearest') !== 'nearest',
    excludeOutside: flagAttribute(node, 'exclude_outside', false),
    cubicA: numberAttribute(node, 'cubic_coeff_a', -0.75),
    extrapolation: numberAttribute(node, 'extrapolation_value', 0),
  };
}

function axesOf(context: LowerInput, { coordinates }: Settings): ResampledAxis[] {
  const { shape } = context.input(0);
  const { scales, lengths, output, axes } = resizeGeometry(context);
  const crops =
    coordinates === 'tf_crop_and_resize' ? numbersOf(requireConstant(context, 1, 'the region of interest')) : [];
  return shape.map((inputs, axis) => {
    const place = axes.indexOf(axis);
    const crop: [number, number] =
      place < 0 || crops.length === 0 ? [0, 1] : [crops[place] ?? 0, crops[place + axes.length] ?? 1];
    return { inputs, outputs: output[axis]!, scale: scales[axis]!, length: lengths[axis]!, crop };
  });
}

export const resize: LowerRule = (context) => {
  const { node, builder } = context;
  const settings = settingsOf(context);
  const axes = axesOf(context, settings);
  const moved = axes.flatMap((axis, index) => (resampled(axis, settings) ? [index] : []));
  if (moved.length === 0) {
    builder.reshape(context.x(), context.y());
    return;
  }
  const image = imageStep(axes, settings);
  if (image) {
    const asImage = (shape: readonly number[]) => (shape.length === 4 ? shape : [shape[0]!, shape[1]!, 1, shape[2]!]);
    const output = asImage(context.outputShape());
    const direct = sameShape(output, context.outputShape());
    const y = direct ? context.y() : builder.extra(`${node.outputs[0]}.image`, output);
    const x = builder.reshaped(context.x(), asImage(context.input(0).shape));
    builder.steps.push({ op: 'resize2d', name: node.name, inputs: [x], outputs: [y], ...image });
    if (!direct) builder.reshape(y, context.y());
    return;
  }
  // What shrinks goes first: the rest then has less to do.
  moved.sort((a, b) => axes[a]!.outputs / axes[a]!.inputs - axes[b]!.outputs / axes[b]!.inputs);
  let x: ValueIndex = context.x();
  for (const [i, axis] of moved.entries()) {
    const shape = builder.shapeOf(x).map((extent, other) => (other === axis ? axes[axis]!.outputs : extent));
    const y = i === moved.length - 1 ? context.y() : builder.extra(`${node.outputs[0]}.axis${axis}`, shape);
    const taps = tapsOf(axes[axis]!, settings);
    builder.steps.push({ op: 'interpolate', name: node.name, inputs: [x], outputs: [y], axis, ...taps });
    x = y;
  }
};
