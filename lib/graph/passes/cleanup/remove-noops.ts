import { flagAttribute, numbersAttribute } from '../../attributes.js';
import { sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import { isFloat } from '../../element-type.js';
import type { Node } from '../../ir.js';
import type { TensorType } from '../../shapes/rule.js';
import type { Pass } from '../pass.js';

type Test = (node: Node, x: TensorType | undefined, y: TensorType | undefined, editor: GraphEditor) => boolean;

const always: Test = () => true;
/** NaN extents are unequal, so shapes that are not known yet never pass. */
const keepsShape: Test = (_node, x, y) => x !== undefined && y !== undefined && sameShape(x.shape, y.shape);
const isZero = (value: number): boolean => value === 0;

const noops: Readonly<Record<string, Test>> = {
  Identity: always,
  Dropout: (node, _x, _y, editor) => {
    const [, mask = ''] = node.outputs;
    const maskRead = mask !== '' && (editor.readers(mask).length > 0 || editor.isOutput(mask));
    const training = node.inputs[2] ? editor.scalar(node.inputs[2]) : 0;
    return !maskRead && training === 0;
  },
  // Everything that is computed is float32, so casts between floats change nothing.
  Cast: (_node, x, y) =>
    x !== undefined && y !== undefined && (x.type === y.type || (isFloat(x.type) && isFloat(y.type))),
  Reshape: keepsShape,
  Flatten: keepsShape,
  Squeeze: keepsShape,
  Unsqueeze: keepsShape,
  Expand: keepsShape,
  Tile: keepsShape,
  Transpose: (node) => numbersAttribute(node, 'perm')?.every((axis, i) => axis === i) ?? false,
  Slice: (node, x, y, editor) => {
    const { data } = editor.constant(node.inputs[4]) ?? {};
    // Taking all elements backwards keeps the shape as well.
    return (
      (!node.inputs[4] || (data !== undefined && [...data].every((step) => step > 0))) && keepsShape(node, x, y, editor)
    );
  },
  Pad: (node, _x, _y, editor) => {
    const { data } = editor.constant(node.inputs[1]) ?? {};
    return data !== undefined && [...data].map(Number).every(isZero);
  },
  Resize: (node, x, y, editor) => {
    const { data } = editor.constant(node.inputs[2]) ?? {};
    const sized = (node.inputs[3] ?? '') !== '';
    return (
      keepsShape(node, x, y, editor) &&
      (sized || (data !== undefined && [...data].every((scale) => Number(scale) === 1)))
    );
  },
  Concat: (node) => node.inputs.length === 1,
  Split: (node) => node.outputs.length === 1,
  Sum: (node) => node.inputs.length === 1,
  Mean: (node) => node.inputs.length === 1,
  Max: (node) => node.inputs.length === 1,
  Min: (node) => node.inputs.length === 1,
  Clip: (node) => !node.inputs[1] && !node.inputs[2],
};

/** Nodes that hand on their input unchanged. */
export const removeNoops: Pass = {
  name: 'remove-noops',
  needs: [Object.keys(noops)],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node) || node.epilogue || flagAttribute(node, 'training_mode', false)) continue;
      const [x = ''] = node.inputs;
      const test = noops[node.op];
      if (test?.(node, types.get(x), types.get(node.outputs[0] ?? ''), editor)) editor.bypass(node, x);
    }
    return editor.finish();
  },
};
