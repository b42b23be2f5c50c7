/** Clip, dropout and the softmax family. */
import { floatScalar } from '../../graph/constant.js';
import type { Attribute } from '../../graph/ir.js';
import { attributeToInput, type Lift, withAttributes, withoutAttributes } from './lift.js';

const toScalar = (value: Attribute) => floatScalar(Number(value));

export const pointwiseLifts: readonly Lift[] = [
  {
    ops: ['Clip'],
    before: 11,
    lift: (node, context) =>
      attributeToInput(attributeToInput(node, context, 'min', 1, toScalar), context, 'max', 2, toScalar),
  },
  // A slope per channel was no matter of broadcasting yet. How many axes follow the channels is known later.
  { ops: ['PRelu'], before: 7, lift: (node) => withAttributes(node, { alongChannels: true }) },
  // At inference the ratio means nothing; the mask output, if somebody reads it, is seen by shape inference.
  { ops: ['Dropout'], before: 12, lift: (node) => withoutAttributes(node, 'ratio', 'is_test', 'seed') },
  {
    // Older softmax works on the tensor flattened to a matrix at `axis`. The flag says so until the rank is known.
    ops: ['Softmax', 'LogSoftmax', 'Hardmax'],
    before: 13,
    lift: (node) => withAttributes(node, { axis: node.attributes['axis'] ?? 1, flatten: true }),
  },
];
