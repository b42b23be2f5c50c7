/** Channel-wise `x * scale + shift` in double: the one form of scaling that passes know. */
import type { ChannelAffine } from '../../../fold/algebra.js';
import { doublesOf } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import type { Constant, Node } from '../../ir.js';

/** Scale and shift both have one element, or one per channel. Nobody writes to them. */
export function affine(scale: ArrayLike<number>, shift: ArrayLike<number>): ChannelAffine {
  const width = Math.max(scale.length, shift.length);
  const spread = (values: ArrayLike<number>) => {
    if (values.length < width) return new Float64Array(width).fill(values[0]!);
    return values instanceof Float64Array ? values : new Float64Array(values);
  };
  return { scale: spread(scale), shift: spread(shift) };
}

const valuesOf = (constant: Constant): Float64Array =>
  constant.data instanceof Float64Array ? constant.data : doublesOf(constant);

/** The affine of a ChannelScale node; undefined when its parameters are computed at run time. */
export function affineOf(editor: GraphEditor, node: Node): ChannelAffine | undefined {
  if (node.op !== 'ChannelScale' || node.epilogue) return undefined;
  const scale = editor.constant(node.inputs[1]);
  const shift = node.inputs[2] ? editor.constant(node.inputs[2]) : undefined;
  if (!scale || (node.inputs[2] && !shift)) return undefined;
  return affine(valuesOf(scale), shift ? valuesOf(shift) : [0]);
}

/** `first`, then `second`. */
export function compose(first: ChannelAffine, second: ChannelAffine): ChannelAffine {
  const width = Math.max(first.scale.length, second.scale.length);
  const at = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i]!;
  return {
    scale: Float64Array.from({ length: width }, (_, i) => at(first.scale, i) * at(second.scale, i)),
    shift: Float64Array.from(
      { length: width },
      (_, i) => at(first.shift, i) * at(second.scale, i) + at(second.shift, i),
    ),
  };
}

/** One element per channel; undefined when it has another number of them. */
export function widen({ scale, shift }: ChannelAffine, channels: number): ChannelAffine | undefined {
  if (scale.length === channels) return { scale, shift };
  if (scale.length !== 1) return undefined;
  return { scale: new Float64Array(channels).fill(scale[0]!), shift: new Float64Array(channels).fill(shift[0]!) };
}

const vector = (data: Float64Array): Constant => ({ type: 'float64', shape: [data.length], data });

/**
 * A ChannelScale in place of `node`. Its constants stay float64 until lowering: scales that meet on their way to a weight must not
 * be rounded in between.
 */
export function channelScale(editor: GraphEditor, node: Node, x: string, { scale, shift }: ChannelAffine): Node {
  const inputs = [
    x,
    editor.addConstant(`${node.name}.scale`, vector(scale)),
    editor.addConstant(`${node.name}.shift`, vector(shift)),
  ];
  return { op: 'ChannelScale', name: node.name, inputs, outputs: [node.outputs[0]!], attributes: {} };
}
