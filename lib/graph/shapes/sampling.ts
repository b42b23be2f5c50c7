/** Sampling at computed positions, regions of interest, deformable convolution. */
import { numberAttribute, numbersAttribute } from '../attributes.js';
import { deformWindow } from '../geometry.js';
import { ShapeError } from '../shape-error.js';
import { differ, knownNumbers, type ShapeRules } from './rule.js';

export const samplingShapes: ShapeRules = {
  GridSample: (context) => {
    const { type, shape } = context.input(0);
    const grid = context.input(1).shape;
    const rank = shape.length;
    if (rank < 4 || rank > 5) throw new ShapeError(`needs two or three spatial axes, got [${shape}]`);
    if (grid.length !== rank || differ(grid.at(-1)!, rank - 2) || differ(grid[0]!, shape[0]!))
      throw new ShapeError(`a grid for [${shape}] is [${shape[0]}, ..., ${rank - 2}], got [${grid}]`);
    return [{ type, shape: [shape[0]!, shape[1]!, ...grid.slice(1, -1)] }];
  },
  AffineGrid: (context) => {
    const theta = context.input(0);
    const [n = 1, , ...spatial] = knownNumbers(context, 1);
    const axes = spatial.length;
    const [batch, rows, cols] = theta.shape;
    if ((axes !== 2 && axes !== 3) || theta.shape.length !== 3)
      throw new ShapeError('needs matrices [N, 2, 3] or [N, 3, 4] and a size of 4 or 5 extents');
    if (differ(batch!, n) || differ(rows!, axes) || differ(cols!, axes + 1))
      throw new ShapeError(`${axes} spatial axes need matrices [${n}, ${axes}, ${axes + 1}], got [${theta.shape}]`);
    return [{ type: theta.type, shape: [n, ...spatial, axes] }];
  },
  RoiAlign: (context) => {
    const { type, shape } = context.input(0);
    const rois = context.input(1).shape;
    if (shape.length !== 4 || rois.length !== 2 || differ(rois[1]!, 4))
      throw new ShapeError(`needs images NCHW and regions [R, 4], got [${shape}] and [${rois}]`);
    const extent = (name: string) => numberAttribute(context.node, name, 1);
    return [{ type, shape: [rois[0]!, shape[1]!, extent('output_height'), extent('output_width')] }];
  },
  MaxRoiPool: (context) => {
    const { type, shape } = context.input(0);
    const rois = context.input(1).shape;
    if (shape.length !== 4 || rois.length !== 2 || differ(rois[1]!, 5))
      throw new ShapeError(`needs images NCHW and regions [R, 5], got [${shape}] and [${rois}]`);
    const [height, width] = numbersAttribute(context.node, 'pooled_shape') ?? [];
    if (!height || !width) throw new ShapeError("attribute 'pooled_shape' needs two extents");
    return [{ type, shape: [rois[0]!, shape[1]!, height, width] }];
  },
  DeformConv: (context) => {
    const { type, shape } = context.input(0);
    const weight = context.input(1).shape;
    if (shape.length !== 4 || weight.length !== 4) throw new ShapeError(`needs images NCHW, got [${shape}]`);
    const groups = numberAttribute(context.node, 'group', 1);
    if (differ(weight[1]! * groups, shape[1]!) || weight[0]! % groups > 0)
      throw new ShapeError(`weight [${weight}] with ${groups} groups does not fit [${shape}]`);
    const { output } = deformWindow(context.node, shape, weight);
    return [{ type, shape: [shape[0]!, weight[0]!, ...output] }];
  },
};
