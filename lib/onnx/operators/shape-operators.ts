/** Operators that move data about: axes, starts, pads and the like were attributes before they became inputs. */
import { floatScalar, int64Vector } from '../../graph/constant.js';
import type { Attribute } from '../../graph/ir.js';
import { attributeToInput, type Lift, withAttributes } from './lift.js';

const toVector = (value: Attribute) => int64Vector(Array.isArray(value) ? (value as number[]) : []);
const toScalar = (value: Attribute) => floatScalar(Number(value));

/** `Cast` named its type before operator set 6. */
const castNames: Readonly<Record<string, number>> = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
};

export const shapeLifts: readonly Lift[] = [
  {
    ops: ['Squeeze', 'Unsqueeze', 'ReduceSum'],
    before: 13,
    lift: (node, context) => attributeToInput(node, context, 'axes', 1, toVector),
  },
  {
    ops: [
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceProd',
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceSumSquare',
    ],
    before: 18,
    lift: (node, context) => attributeToInput(node, context, 'axes', 1, toVector),
  },
  {
    ops: ['Slice'],
    before: 10,
    lift: (node, context) =>
      ['starts', 'ends', 'axes'].reduce(
        (lifted, name, i) => attributeToInput(lifted, context, name, i + 1, toVector),
        node,
      ),
  },
  { ops: ['Split'], before: 13, lift: (node, context) => attributeToInput(node, context, 'split', 1, toVector) },
  { ops: ['Reshape'], before: 5, lift: (node, context) => attributeToInput(node, context, 'shape', 1, toVector) },
  {
    ops: ['Pad'],
    before: 11,
    lift: (node, context) => {
      const pads = node.attributes['pads'] === undefined ? 'paddings' : 'pads';
      return attributeToInput(attributeToInput(node, context, pads, 1, toVector), context, 'value', 2, toScalar);
    },
  },
  {
    ops: ['Cast'],
    before: 6,
    lift: (node) => {
      const to = node.attributes['to'];
      return typeof to === 'string' ? withAttributes(node, { to: castNames[to.toUpperCase()] ?? 0 }) : node;
    },
  },
];
