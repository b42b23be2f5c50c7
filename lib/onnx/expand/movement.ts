/** Shuffles, and operators whose newest form says more than the one they were written in. */
import { flagAttribute, numberAttribute } from '../../graph/attributes.js';
import { int64Vector } from '../../graph/constant.js';
import type { Node } from '../../graph/ir.js';
import { type Expansion, type Rule, type Rules, replaceBy, without } from './rule.js';

/** Everything is computed in float32: a cast to another float would not fit what reads it. */
const OTHER_FLOATS: ReadonlySet<number> = new Set([10, 11, 16]);
const FLOAT32 = 1;

/** Over all axes from `axis` on: a matrix is made, and the shape put back whatever it is. */
function onMatrix(node: Node, axis: number, expansion: Expansion): Node[] {
  const [x = ''] = node.inputs;
  const shape = expansion.value(`${node.outputs[0]}.shape`);
  const read: Node = {
    op: 'Shape',
    name: expansion.nodeName(`${node.name}.shape`),
    inputs: [x],
    outputs: [shape],
    attributes: {},
  };
  const parts = [
    { op: 'Flatten', suffix: 'flatten', inputs: (value: string) => [value], attributes: { axis } },
    { op: node.op, suffix: 'rows', inputs: (value: string) => [value], attributes: { axis: -1 } },
    { op: 'Reshape', suffix: 'restore', inputs: (value: string) => [value, shape] },
  ];
  return [read, ...replaceBy(node, parts, expansion)];
}

const softmax: Rule = (node, expansion) => {
  if (node.attributes['flatten'] === undefined) return undefined;
  const bare = without(node, 'flatten');
  const axis = numberAttribute(node, 'axis', -1);
  const shape = expansion.shape(node.inputs[0]);
  const onlyOne =
    axis === -1 ||
    shape
      ?.slice(axis)
      .slice(1)
      .every((extent) => extent === 1);
  return !flagAttribute(node, 'flatten', false) || onlyOne ? [bare] : onMatrix(bare, axis, expansion);
};

const renamed =
  (attribute: string, names: Readonly<Record<string, string>>): Rule =>
  (node) => {
    const now = names[String(node.attributes[attribute])];
    return now === undefined ? undefined : [{ ...node, attributes: { ...node.attributes, [attribute]: now } }];
  };

export const movementRules: Rules = {
  ChannelShuffle: (node, expansion) => {
    // The pass that makes it has seen the extents.
    const [, channels = 0, ...space] = expansion.shape(node.inputs[0])!;
    const groups = numberAttribute(node, 'group', 1);
    const reshape = (hint: string, ...shape: number[]) => {
      const name = expansion.addConstant(`${node.name}.${hint}`, int64Vector([0, ...shape, ...space]));
      return { op: 'Reshape', suffix: hint, inputs: (value: string) => [value, name] };
    };
    const perm = [0, 2, 1, ...space.map((_, axis) => axis + 3)];
    const parts = [
      reshape('split', groups, channels / groups),
      { op: 'Transpose', suffix: 'swap', inputs: (value: string) => [value], attributes: { perm } },
      reshape('join', channels),
    ];
    return replaceBy(node, parts, expansion);
  },
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
  // A slope per channel is placed by axes of extent 1 behind it.
  PRelu: (node, expansion) => {
    if (node.attributes['alongChannels'] === undefined) return undefined;
    const bare = without(node, 'alongChannels');
    const [x = '', slope = ''] = node.inputs;
    const behind = (expansion.shape(x)?.length ?? 0) - 2;
    if (behind <= 0) return [bare];
    const axes = Array.from({ length: behind }, (_, axis) => axis + 1);
    const placed = expansion.value(`${node.outputs[0]}.slope`, slope);
    const unsqueeze: Node = {
      op: 'Unsqueeze',
      name: expansion.nodeName(`${node.name}.slope`),
      inputs: [slope, expansion.addConstant(`${node.name}.axes`, int64Vector(axes))],
      outputs: [placed],
      attributes: {},
    };
    return [unsqueeze, { ...bare, inputs: [x, placed] }];
  },
  // Since operator set 18 the number of parts is said where their sizes are not.
  Split: (node) =>
    (node.inputs[1] ?? '') !== '' || node.attributes['num_outputs'] !== undefined
      ? undefined
      : [{ ...node, attributes: { ...node.attributes, num_outputs: node.outputs.length } }],
  GridSample: renamed('mode', { bilinear: 'linear', bicubic: 'cubic' }),
  Scatter: (node) => [{ ...node, op: 'ScatterElements' }],
  Cast: (node) =>
    OTHER_FLOATS.has(numberAttribute(node, 'to', 0))
      ? [{ ...node, attributes: { ...node.attributes, to: FLOAT32 } }]
      : undefined,
};
