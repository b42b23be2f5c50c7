/** Nodes whose weights can take a scale in: one view of convolutions and matrix products. */
import type { ChannelAffine, FoldedWeights, LinearWeights, WeightAlgebra } from '../../../fold/algebra.js';
import { foldInParts } from '../../../fold/in-parts.js';
import type { Work } from '../../../work.js';
import { flagAttribute, numberAttribute, numbersAttribute, stringAttribute } from '../../attributes.js';
import { elementCount, float32Of, sizeOf } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import { isFloat } from '../../element-type.js';
import type { Constant, Node } from '../../ir.js';
import { StoredConstant } from '../../stored.js';

export interface Linear {
  readonly node: Node;
  /** The weights as the graph has them. */
  readonly constant: Constant;
  readonly weights: LinearWeights;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Channels are on axis 1 (convolutions), or on the last axis (matrix products). */
  readonly channelsLast: boolean;
}

function biasOf(editor: GraphEditor, node: Node, channels: number): Float32Array | null | undefined {
  if (!node.inputs[2]) return null;
  const constant = editor.constant(node.inputs[2]);
  if (!constant || sizeOf(constant) !== channels || elementCount(constant.shape.slice(-1)) !== channels)
    return undefined;
  return float32Of(constant);
}

/** How each operator stores its weight; undefined for a form whose weights cannot be rewritten as they are. */
const layouts: Readonly<
  Record<string, (node: Node, rank: number) => { axis: 'oi' | 'io'; groups: number } | undefined>
> = {
  Conv: (node) => ({ axis: 'oi', groups: numberAttribute(node, 'group', 1) }),
  ConvTranspose: (node) => ({ axis: 'io', groups: numberAttribute(node, 'group', 1) }),
  MatMul: (node, rank) =>
    rank === 2 ? { axis: flagAttribute(node, 'transB', false) ? 'oi' : 'io', groups: 1 } : undefined,
  Gemm: (node, rank) => {
    const plain = numberAttribute(node, 'alpha', 1) === 1 && numberAttribute(node, 'beta', 1) === 1;
    return rank === 2 && plain ? { axis: flagAttribute(node, 'transB', false) ? 'oi' : 'io', groups: 1 } : undefined;
  },
};

/** The weights of a node if they are known and nothing but a bias follows them. */
export function linearOf(editor: GraphEditor, node: Node): Linear | undefined {
  const constant = editor.constant(node.inputs[1]);
  if (node.epilogue || !constant || !isFloat(constant.type)) return undefined;
  const layout = layouts[node.op]?.(node, constant.shape.length);
  if (!layout) return undefined;
  const { axis, groups } = layout;
  const [first = 0, second = 0] = constant.shape;
  const outputChannels = axis === 'oi' ? first : second * groups;
  const inputChannels = axis === 'oi' ? second * groups : first;
  const bias = biasOf(editor, node, outputChannels);
  if (bias === undefined) return undefined;
  const weights: LinearWeights = {
    // Most nodes that are looked at keep the weights they have.
    get weight() {
      return float32Of(constant);
    },
    shape: constant.shape,
    bias,
    axis,
    groups,
  };
  const channelsLast = node.op === 'MatMul' || node.op === 'Gemm';
  return { node, constant, weights, inputChannels, outputChannels, channelsLast };
}

function withConstants(editor: GraphEditor, node: Node, weight: Constant, bias: Float32Array): Node {
  const names = [
    editor.addConstant(`${node.name}.weight`, weight),
    editor.addConstant(`${node.name}.bias`, { type: 'float32', shape: [bias.length], data: bias }),
  ];
  return { ...node, inputs: [node.inputs[0]!, ...names] };
}

/** The node with folded weights. */
export const withWeights = (editor: GraphEditor, { node, weights }: Linear, { weight, bias }: FoldedWeights): Node =>
  withConstants(editor, node, { type: 'float32', shape: weights.shape, data: weight }, bias);

const noInputs = { weight: new Float32Array(0), axis: 'oi', groups: 1 } as const;

/** The node with `affine` behind it in its weights; those that are stored stay so. */
export function* foldedAfter(
  editor: GraphEditor,
  fold: WeightAlgebra,
  linear: Linear,
  affine: ChannelAffine,
): Work<Node> {
  const { node, constant, weights } = linear;
  if (!(constant instanceof StoredConstant) || weights.axis !== 'oi')
    return withWeights(editor, linear, yield* foldInParts(fold.foldAfter, weights, affine));
  // The bias is that of a layer without inputs: loops over channels take long in code that V8 has just seen.
  const alone = { ...noInputs, shape: [affine.scale.length, 0], bias: weights.bias };
  return withConstants(editor, node, constant.scaled(affine.scale), fold.foldAfter(alone, affine).bias);
}

/** Whether a convolution may read beyond its input: then what its border holds matters. */
export function mayPad(node: Node): boolean {
  if (node.op !== 'Conv') return false;
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto === 'VALID') return false;
  return auto !== 'NOTSET' || (numbersAttribute(node, 'pads')?.some((pad) => pad !== 0) ?? false);
}
