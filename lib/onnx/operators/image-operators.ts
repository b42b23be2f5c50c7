/** Resizing and normalisation. */
import { constantOf } from '../../graph/constant.js';
import { attributeToInput, type Lift, withAttributes, withInput, withoutAttributes } from './lift.js';

/** Before operator set 11 the output coordinate was divided by the scale and rounded down. */
const asymmetric = { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };

export const imageLifts: readonly Lift[] = [
  {
    ops: ['Upsample'],
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
    ops: ['BatchNormalization'],
    before: 14,
    // The statistics an old training graph also returned are not computed at inference.
    lift: (node) => ({
      ...withoutAttributes(node, 'is_test', 'momentum', 'consumed_inputs'),
      outputs: node.outputs.slice(0, 1),
    }),
  },
];
