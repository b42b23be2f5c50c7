/** Why nodes that often fold did not: for reports. Reads a graph after all passes and changes nothing. */
import { activationOf } from '../activations.js';
import type { Analysis } from '../analysis.js';
import { sameShape } from '../constant.js';
import { GraphEditor } from '../editor.js';
import type { Graph, Node } from '../ir.js';
import { affineOf, widen } from './algebra/affine.js';
import { linearOf } from './algebra/linear.js';
import { takesActivation, takesEpilogue } from './fusion/targets.js';

/** A node that stayed a node of its own. */
export interface Leftover {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

interface Scene {
  readonly editor: GraphEditor;
  readonly analysis: Analysis;
}

/** Why a node cannot become part of the one that makes its operand; undefined when its being shared is not the reason. */
function sharing({ editor }: Scene, value: string): string | undefined {
  const producer = editor.producer(value);
  if (!producer) return `'${value}' comes from outside of the graph`;
  const label = `'${producer.name}' (${producer.op})`;
  if (editor.isOutput(value)) return `the result of ${label} is an output of the model`;
  const readers = editor.readers(value).length;
  return readers > 1 ? `${readers} nodes read the result of ${label}` : undefined;
}

/** Why a channel scale stays behind what comes before it. */
function scaleAfter(scene: Scene, node: Node): string {
  const { editor, analysis } = scene;
  const value = node.inputs[0]!;
  const shared = sharing(scene, value);
  if (shared) return shared;
  const producer = editor.producer(value)!;
  const label = `'${producer.name}' (${producer.op})`;
  const linear = linearOf(editor, producer);
  if (!linear) {
    if (producer.epilogue) return `${label} ends in an activation or a sum`;
    return takesEpilogue(editor, producer, analysis.types)
      ? `the weights of ${label} are not constants`
      : `${label} has no weights to take it`;
  }
  const found = affineOf(editor, node);
  if (!found) return 'its scale is not a constant';
  return widen(found, linear.outputChannels)
    ? `the channels of ${label} are on another axis`
    : `it has ${found.scale.length} values, ${label} has ${linear.outputChannels} channels`;
}

/** Why a channel scale stays before what reads it. */
function scaleBefore({ editor }: Scene, node: Node): string {
  const [value = ''] = node.outputs;
  if (editor.isOutput(value)) return 'its result is an output of the model';
  const stranger = editor.readers(value).find((reader) => !linearOf(editor, reader));
  if (!stranger) return 'the border of a convolution behind it cannot hold the shift';
  return `'${stranger.name}' (${stranger.op}) behind it has no weights to take it`;
}

function activation(scene: Scene, node: Node): string {
  const value = node.inputs[0]!;
  const shared = sharing(scene, value);
  if (shared) return shared;
  const producer = scene.editor.producer(value)!;
  const label = `'${producer.name}' (${producer.op})`;
  if (!takesActivation(scene.editor, producer, scene.analysis.types)) return `${label} takes no activation`;
  return `${label} ends in an activation or a gate already`;
}

/** A sum or product of two computed values. */
function pair(scene: Scene, node: Node): string {
  const { editor, analysis } = scene;
  const shapes = node.inputs.map((name) => analysis.types.get(name)?.shape);
  if (node.op === 'Add' && !(shapes[0] && shapes[1] && sameShape(shapes[0], shapes[1])))
    return 'its operands differ in shape';
  const computed = node.inputs.filter((name) => editor.producer(name));
  if (computed.length === 0) return 'its operands come from outside of the graph';
  const reasons = computed.map((name) => {
    const shared = sharing(scene, name);
    if (shared) return shared;
    const producer = editor.producer(name)!;
    const label = `'${producer.name}' (${producer.op})`;
    return takesEpilogue(editor, producer, analysis.types)
      ? `${label} ends in a sum or a gate already, or the shapes do not fit`
      : `${label} takes no sum or gate`;
  });
  return [...new Set(reasons)].join('; ');
}

type Why = (scene: Scene, node: Node) => string;

/** Arithmetic with a constant would have become a channel scale if the constant had its form. */
const arithmetic: Why = (scene, node) =>
  node.inputs.some((name) => scene.editor.constant(name))
    ? 'its constant is neither one value nor one per channel'
    : pair(scene, node);

const reasons: Readonly<Record<string, Why>> = {
  BatchNormalization: () => 'its statistics are not constants',
  ChannelScale: (scene, node) => `${scaleAfter(scene, node)}; ${scaleBefore(scene, node)}`,
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  Div: arithmetic,
  PRelu: activation,
};

/** Every node left that passes fold in other places, with the reason why not here, in the order of the graph. */
export function leftovers(graph: Graph, analysis: Analysis): Leftover[] {
  const scene: Scene = { editor: new GraphEditor(graph), analysis };
  return graph.nodes.flatMap((node) => {
    const why = reasons[node.op] ?? (activationOf(node, analysis.constants) ? activation : undefined);
    return why ? [{ node: node.name, op: node.op, reason: why(scene, node) }] : [];
  });
}
