/** Convolution, pooling, resizing. */
import { numberAttribute, numbersAttribute, stringAttribute } from '../attributes.js';
import { slidingWindow, transposedWindow } from '../geometry.js';
import { ShapeError } from '../shape-error.js';
import {
  differ,
  knownNumbers,
  optionalNumbers,
  type RuleInput,
  resolveAxes,
  type ShapeRule,
  type ShapeRules,
  type TensorType,
} from './rule.js';

function spatial(x: TensorType): number[] {
  if (x.shape.length < 3) throw new ShapeError(`needs an input of at least 3 axes, got shape [${x.shape}]`);
  return x.shape.slice(2);
}

const pool: ShapeRule = (context) => {
  const x = context.input(0);
  const kernel = numbersAttribute(context.node, 'kernel_shape');
  if (!kernel) throw new ShapeError("attribute 'kernel_shape' is missing");
  const shape = [...x.shape.slice(0, 2), ...slidingWindow(context.node, spatial(x), kernel).output];
  return [
    { type: x.type, shape },
    { type: 'int64', shape },
  ];
};

const globalPool: ShapeRule = (context) => {
  const { type, shape } = context.input(0);
  return [{ type, shape: shape.map((extent, axis) => (axis < 2 ? extent : 1)) }];
};

export interface ResizeGeometry {
  /** The axes that scales, sizes and regions are given for. */
  readonly axes: readonly number[];
  /** Per axis of the input, 1 where nothing is asked of it. */
  readonly scales: readonly number[];
  /** Extents of the result before they are rounded to whole elements. */
  readonly lengths: readonly number[];
  readonly output: readonly number[];
}

const aspectPolicies: Readonly<Record<string, (scales: readonly number[]) => number>> = {
  not_larger: (scales) => Math.min(...scales),
  not_smaller: (scales) => Math.max(...scales),
};

export function resizeGeometry(context: RuleInput): ResizeGeometry {
  const { shape } = context.input(0);
  const rank = shape.length;
  const axes = resolveAxes(numbersAttribute(context.node, 'axes') ?? shape.map((_, axis) => axis), rank);
  const spread = (values: readonly number[], rest: readonly number[]): number[] => {
    if (values.length !== axes.length)
      throw new ShapeError(`got ${values.length} scales or sizes for ${axes.length} axes`);
    return rest.map((value, axis) => (axes.includes(axis) ? values[axes.indexOf(axis)]! : value));
  };
  const ones = new Array<number>(rank).fill(1);
  const sizes = optionalNumbers(context, 3) ?? [];
  if (sizes.length > 0) {
    const policy = stringAttribute(context.node, 'keep_aspect_ratio_policy', 'stretch');
    const wanted = spread(sizes, shape);
    if (policy === 'stretch')
      return { axes, scales: wanted.map((extent, axis) => extent / shape[axis]!), lengths: wanted, output: wanted };
    const choose = aspectPolicies[policy];
    if (!choose) throw new ShapeError(`keep_aspect_ratio_policy '${policy}' is not one of the standard`);
    const scale = choose(axes.map((axis) => wanted[axis]! / shape[axis]!));
    const scales = spread(new Array<number>(axes.length).fill(scale), ones);
    const lengths = shape.map((extent, axis) => extent * scales[axis]!);
    return { axes, scales, lengths, output: lengths.map((length) => Math.floor(length + 0.5)) };
  }
  if (!context.has(2)) throw new ShapeError('neither scales nor sizes are given');
  const scales = spread(knownNumbers(context, 2), ones);
  // In float, as the scale is: 10 times 0.7f is 7 there and 6.9999999 in double.
  const lengths = shape.map((extent, axis) => Math.fround(extent * scales[axis]!));
  return { axes, scales, lengths, output: lengths.map(Math.floor) };
}

export const windowShapes: ShapeRules = {
  Conv: (context) => {
    const x = context.input(0);
    const w = context.input(1);
    const [outputs = Number.NaN, groupInputs = Number.NaN, ...kernel] = w.shape;
    const groups = numberAttribute(context.node, 'group', 1);
    if (differ(groupInputs * groups, x.shape[1] ?? Number.NaN)) {
      throw new ShapeError(
        `weight [${w.shape}] with ${groups} groups needs ${groupInputs * groups} input channels, got ${x.shape[1]}`,
      );
    }
    if (outputs % groups !== 0)
      throw new ShapeError(`${outputs} output channels cannot be split into ${groups} groups`);
    return [{ type: x.type, shape: [x.shape[0]!, outputs, ...slidingWindow(context.node, spatial(x), kernel).output] }];
  },
  ConvTranspose: (context) => {
    const x = context.input(0);
    const w = context.input(1);
    const [inputs = Number.NaN, groupOutputs = Number.NaN, ...kernel] = w.shape;
    const groups = numberAttribute(context.node, 'group', 1);
    if (differ(inputs, x.shape[1] ?? Number.NaN)) {
      throw new ShapeError(`weight [${w.shape}] needs ${inputs} input channels, got ${x.shape[1]}`);
    }
    const window = transposedWindow(context.node, spatial(x), kernel);
    return [{ type: x.type, shape: [x.shape[0]!, groupOutputs * groups, ...window.output] }];
  },
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  GlobalMaxPool: globalPool,
  Resize: (context) => [{ type: context.input(0).type, shape: resizeGeometry(context).output }],
  DepthToSpace: (context) => {
    const { type, shape } = context.input(0);
    const [n, c, h, w] = shape as [number, number, number, number];
    const block = numberAttribute(context.node, 'blocksize', 1);
    if (shape.length !== 4 || c % (block * block) > 0)
      throw new ShapeError(`blocks of ${block} cannot be made from [${shape}]`);
    return [{ type, shape: [n, c / (block * block), h * block, w * block] }];
  },
  SpaceToDepth: (context) => {
    const { type, shape } = context.input(0);
    const [n, c, h, w] = shape as [number, number, number, number];
    const block = numberAttribute(context.node, 'blocksize', 1);
    if (shape.length !== 4 || h % block > 0 || w % block > 0)
      throw new ShapeError(`blocks of ${block} cannot be cut from [${shape}]`);
    return [{ type, shape: [n, c * block * block, h / block, w / block] }];
  },
};
