/** Sampling at computed positions, regions of interest, deformable convolution. */
import { flagAttribute, numberAttribute, stringAttribute } from '../attributes.js';
import { elementCount } from '../constant.js';
import { deformWindow } from '../geometry.js';
import { checkTable, floatInput, type LowerRules, oneOf, requireConstant, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';

const gridModes = ['linear', 'nearest', 'cubic'] as const;
const paddings = ['zeros', 'border', 'reflection'] as const;

/** The positions of `extent` pixels between -1 and 1: of their centres, or with the first and last at the ends. */
function normalized(extent: number, alignCorners: boolean): number[] {
  if (alignCorners && extent === 1) return [0];
  return Array.from({ length: extent }, (_, i) =>
    alignCorners ? (2 * i) / (extent - 1) - 1 : (2 * i + 1) / extent - 1,
  );
}

export const samplingLowering: LowerRules = {
  GridSample: (context) => {
    const mode = oneOf(context, 'mode', gridModes, 'linear');
    context.builder.steps.push({
      op: 'gridSample',
      name: context.node.name,
      inputs: [context.x(0), context.x(1)],
      outputs: [context.y()],
      mode,
      padding: oneOf(context, 'padding_mode', paddings, 'zeros'),
      alignCorners: flagAttribute(context.node, 'align_corners', false),
    });
  },
  // The positions of an unmoved grid are known; the matrices move them all in one product.
  AffineGrid: (context) => {
    const { node } = context;
    requireConstant(context, 1, 'the size');
    const [n = 1, ...rest] = context.outputShape();
    const spatial = rest.slice(0, -1);
    const axes = spatial.length;
    const points = elementCount(spatial);
    checkTable(points);
    const along = spatial.map((extent) => normalized(extent, flagAttribute(node, 'align_corners', false)));
    const base = new Float32Array(points * (axes + 1));
    for (let point = 0; point < points; point++) {
      let index = point;
      // The last axis is the first coordinate.
      for (let axis = axes - 1; axis >= 0; axis--) {
        base[point * (axes + 1) + axes - 1 - axis] = along[axis]![index % spatial[axis]!]!;
        index = Math.floor(index / spatial[axis]!);
      }
      base[point * (axes + 1) + axes] = 1;
    }
    const compose = new Composer(context);
    const grid = compose.matmul(compose.part([1, points, axes + 1], base), context.x(0), true);
    context.builder.reshape(compose.reshaped(grid, [n, points, axes]), context.y());
  },
  RoiAlign: (context) => {
    const { node } = context;
    const mode = oneOf(context, 'mode', ['avg', 'max'] as const, 'avg');
    const coordinates = oneOf(
      context,
      'coordinate_transformation_mode',
      ['half_pixel', 'output_half_pixel'] as const,
      'half_pixel',
    );
    context.builder.steps.push({
      op: 'roiAlign',
      name: node.name,
      inputs: [context.x(0), context.x(1), floatInput(context, 2)],
      outputs: [context.y()],
      max: mode === 'max',
      halfPixel: coordinates === 'half_pixel',
      samples: numberAttribute(node, 'sampling_ratio', 0),
      scale: numberAttribute(node, 'spatial_scale', 1),
    });
  },
  MaxRoiPool: (context) => {
    context.builder.steps.push({
      op: 'maxRoiPool',
      name: context.node.name,
      inputs: [context.x(0), context.x(1)],
      outputs: [context.y()],
      scale: numberAttribute(context.node, 'spatial_scale', 1),
    });
  },
  // Columns of the elements that the offsets point to, one product per group, the bias.
  DeformConv: (context) => {
    const { node, builder } = context;
    const compose = new Composer(context);
    const x = context.input(0).shape as [number, number, number, number];
    const weight = context.input(1).shape as [number, number, number, number];
    const window = deformWindow(node, x, weight);
    if (stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') throw new UnsupportedNode('auto_pad');
    if ([...window.begins, ...window.ends].some((pad) => pad < 0)) throw new UnsupportedNode('negative pads');
    const taps = weight[2] * weight[3];
    const pixels = elementCount(window.output);
    const columns = compose.part([x[0], x[1] * taps, pixels]);
    builder.steps.push({
      op: 'deformColumns',
      name: node.name,
      inputs: [context.x(0), context.x(2), ...(context.has(4) ? [context.x(4)] : [])],
      outputs: [columns],
      kernel: [weight[2], weight[3]],
      strides: [window.strides[0]!, window.strides[1]!],
      dilations: [window.dilations[0]!, window.dilations[1]!],
      pads: [window.begins[0]!, window.begins[1]!, window.ends[0]!, window.ends[1]!],
      groups: numberAttribute(node, 'offset_group', 1),
    });
    const groups = numberAttribute(node, 'group', 1);
    const depth = weight[1] * taps;
    const product = compose.matmul(
      compose.reshaped(context.x(1), [1, groups, weight[0] / groups, depth]),
      compose.reshaped(columns, [x[0], groups, depth, pixels]),
      false,
    );
    if (!context.has(3)) {
      builder.reshape(product, context.y());
      return;
    }
    const image = compose.reshaped(product, context.outputShape());
    compose.binary('add', image, compose.reshaped(context.x(3), [1, weight[0], 1, 1]), context.y());
  },
};
