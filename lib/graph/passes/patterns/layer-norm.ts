import { flagAttribute, numbersAttribute } from '../../attributes.js';
import { numbersOf, sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { TensorType } from '../../shapes/rule.js';
import type { Pass } from '../pass.js';
import { stepBack } from './scalars.js';

type Types = ReadonlyMap<string, TensorType>;

/** First of the trailing axes a mean is taken over (and kept); undefined for any other reduction. */
function trailingMean(
  editor: GraphEditor,
  node: Node | undefined,
  types: Types,
): { x: string; axis: number } | undefined {
  const x = node?.inputs[0] ?? '';
  const rank = types.get(x)?.shape.length;
  if (node?.op !== 'ReduceMean' || rank === undefined || !flagAttribute(node, 'keepdims', true)) return undefined;
  const constant = editor.constant(node.inputs[1]);
  const given = constant ? numbersOf(constant) : numbersAttribute(node, 'axes');
  const axes = given?.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const first = axes?.[0];
  if (!axes || first === undefined || axes.some((axis, i) => axis !== first + i) || axes.at(-1) !== rank - 1)
    return undefined;
  return { x, axis: first };
}

/** sqrt(v + epsilon), or v + epsilon to the power of a half. */
function rootOf(editor: GraphEditor, node: Node | undefined): { variance: string; epsilon: number } | undefined {
  const isRoot = node?.op === 'Sqrt' || (node?.op === 'Pow' && editor.scalar(node.inputs[1]) === 0.5);
  const step = isRoot ? stepBack(editor, node.inputs[0]!) : undefined;
  return step?.scale === 1 && step.shift > 0 ? { variance: step.source, epsilon: step.shift } : undefined;
}

/** The squared value of Pow(d, 2) or Mul(d, d). */
function squared(editor: GraphEditor, node: Node | undefined): string | undefined {
  const [a = '', b = ''] = node?.inputs ?? [];
  if (node?.op === 'Pow') return editor.scalar(b) === 2 ? a : undefined;
  return node?.op === 'Mul' && a === b ? a : undefined;
}

/** d / sqrt(mean(d^2) + epsilon) with d = x - mean(x), as Div or as a product with a reciprocal. */
function normalized(
  editor: GraphEditor,
  node: Node,
  types: Types,
): { x: string; axis: number; epsilon: number } | undefined {
  const [first = '', second = ''] = node.inputs;
  const inverse = editor.producer(second);
  const rootNode =
    node.op === 'Div'
      ? inverse
      : node.op === 'Mul' && inverse?.op === 'Reciprocal'
        ? editor.producer(inverse.inputs[0])
        : undefined;
  const root = rootOf(editor, rootNode);
  const variance = root && trailingMean(editor, editor.producer(root.variance), types);
  if (!root || !variance || squared(editor, editor.producer(variance.x)) !== first) return undefined;
  const difference = editor.producer(first);
  if (difference?.op !== 'Sub') return undefined;
  const [x = '', mean = ''] = difference.inputs;
  const centre = trailingMean(editor, editor.producer(mean), types);
  return centre?.x === x && centre.axis === variance.axis ? { x, axis: centre.axis, epsilon: root.epsilon } : undefined;
}

/** Layer normalisation written out in primitives becomes LayerNormalization. */
export const layerNorm: Pass = {
  name: 'layer-norm',
  needs: [['ReduceMean'], ['Sqrt', 'Pow']],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node) || node.epilogue) continue;
      const found = normalized(editor, node, types);
      const shape = found && types.get(found.x)?.shape;
      if (!found || !shape) continue;
      const tail = shape.slice(found.axis);
      // With extents unknown gamma and beta could not be told from other constants; wait until they are bound.
      if (tail.some(Number.isNaN)) continue;
      const absorbed: Node[] = [];
      let last = node;
      // gamma and beta may be missing; each must have exactly the shape that is normalised.
      const parameter = (op: string): string => {
        const reader = editor.soleReader(last.outputs[0]!);
        if (reader?.op !== op || reader.epilogue) return '';
        const name = reader.inputs.find((input) => sameShape(editor.constant(input)?.shape ?? [-1], tail));
        if (name === undefined) return '';
        absorbed.push(last);
        last = reader;
        return name;
      };
      const gamma = parameter('Mul');
      const beta = parameter('Add');
      const inputs = beta ? [found.x, gamma, beta] : gamma ? [found.x, gamma] : [found.x];
      const attributes = { axis: found.axis, epsilon: found.epsilon };
      editor.replace(
        last,
        { op: 'LayerNormalization', name: node.name, inputs, outputs: last.outputs, attributes },
        absorbed,
      );
    }
    return editor.finish();
  },
};
