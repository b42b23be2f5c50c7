/** Which nodes take what into their epilogue. */
import { elementCount, sizeOf } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import type { Epilogue, Node } from '../../ir.js';
import type { TensorType } from '../../shapes/rule.js';

export type Types = ReadonlyMap<string, TensorType>;

const convolutions = new Set(['Conv', 'ConvTranspose']);
const products = new Set(['MatMul', 'Gemm']);
/** Operators whose steps end in an activation but take nothing else. */
const activated = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Min',
  'Max',
  'Pow',
  'ChannelScale',
  'LayerNormalization',
  'GroupNormalization',
  'InstanceNormalization',
]);

/** A Gemm whose bias is not one value per column, or a product of vectors, runs in steps an epilogue does not fit behind. */
function isPlainProduct(editor: GraphEditor, node: Node, types: Types): boolean {
  const ranks = node.inputs.slice(0, 2).map((name) => types.get(name)?.shape.length ?? 0);
  if (ranks.some((rank) => rank < 2)) return false;
  if (!node.inputs[2]) return true;
  const bias = editor.constant(node.inputs[2]);
  const width = types.get(node.outputs[0]!)?.shape.at(-1);
  return (
    bias !== undefined &&
    sizeOf(bias) === elementCount(bias.shape.slice(-1)) &&
    (sizeOf(bias) === 1 || sizeOf(bias) === width)
  );
}

/** Convolutions and matrix products: they take the whole epilogue. */
export const takesEpilogue = (editor: GraphEditor, node: Node, types: Types): boolean =>
  convolutions.has(node.op) || (products.has(node.op) && isPlainProduct(editor, node, types));

/** Channels of a convolution are axis 1; those of a matrix product the last axis. */
export const isConvolution = (node: Node): boolean => convolutions.has(node.op);

export const takesActivation = (editor: GraphEditor, node: Node, types: Types): boolean =>
  activated.has(node.op) || takesEpilogue(editor, node, types);

export const withEpilogue = (node: Node, output: string, more: Epilogue): Node => ({
  ...node,
  outputs: [output],
  epilogue: { ...node.epilogue, ...more },
});
