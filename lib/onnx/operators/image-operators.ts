/** Resizing and normalisation. */
import { constantOf } from '../../graph/constant.js';
import { attributeToInput, type Lift, withAttributes, withInput, withoutAttributes } from './lift.js';

/** Before operator set 11 the output coordinate was divided by the scale and rounded down. */
const asymmetric = { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };

const oldGridModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

export const imageLifts: readonly Lift[] = [
  {
    ops: ['Upsample'],
    before: 7,
    lift: (node, context) => {
      const scale = (axis: string) => Number(node.attributes[`${axis}_scale`] ?? 1);
      const scales = constantOf('float32', [4], [1, 1, scale('height'), scale('width')]);
      const lifted = withoutAttributes(node, 'height_scale', 'width_scale');
      const linear = node.attributes['mode'] === 'bilinear' && { mode: 'linear' };
      const resized = withInput(lifted, 2, context.addConstant(`${node.name}.scales`, scales));
      return { ...withAttributes(resized, { ...asymmetric, ...linear }), op: 'Resize' };
    },
  },
  {
    ops: ['Upsample'],
    from: 7,
    before: 9,
    lift: (node, context) => {
      const lifted = attributeToInput(node, context, 'scales', 2, (value) => {
        const scales = Array.isArray(value) ? (value as number[]) : [];
        return constantOf('float32', [scales.length], scales);
      });
      return { ...withAttributes(lifted, asymmetric), op: 'Resize' };
    },
  },
  {
    ops: ['Upsample', 'Resize'],
    from: 9,
    before: 11,
    lift: (node) => {
      const [x = '', scales = ''] = node.inputs;
      return { ...withAttributes(withInput({ ...node, inputs: [x] }, 2, scales), asymmetric), op: 'Resize' };
    },
  },
  {
    ops: ['GridSample'],
    before: 20,
    lift: (node) => {
      const mode = oldGridModes[String(node.attributes['mode'] ?? 'bilinear')];
      return mode === undefined ? node : withAttributes(node, { mode });
    },
  },
  {
    ops: ['RoiAlign'],
    before: 16,
    lift: (node) => withAttributes(node, { coordinate_transformation_mode: 'output_half_pixel' }),
  },
  {
    ops: ['BatchNormalization'],
    before: 14,
    // The statistics an old training graph also returned are not computed at inference.
    lift: (node) => ({
      ...withoutAttributes(node, 'is_test', 'momentum', 'consumed_inputs'),
      outputs: node.outputs.slice(0, 1),
    }),
  },
];
