import { activationOf } from '../../activations.js';
import { elementCount, sizeOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Activation, Node } from '../../ir.js';
import type { Pass } from '../pass.js';
import { isConvolution, type Types, takesActivation, withEpilogue } from './targets.js';

/** A PRelu with one slope, or one per channel of a convolution's output. */
function preluOf(editor: GraphEditor, node: Node, producer: Node, types: Types): Activation | undefined {
  const slope = node.inputs[1]!;
  const constant = editor.constant(slope);
  const output = types.get(node.outputs[0]!)?.shape;
  if (node.op !== 'PRelu' || !constant || !output || !isConvolution(producer)) return undefined;
  const channelAxis = constant.shape.length - output.length + 1;
  const placed = node.attributes['alongChannels'] === true || constant.shape[channelAxis] === output[1];
  const perChannel = placed && elementCount(constant.shape) === output[1];
  return sizeOf(constant) === 1 || perChannel ? { kind: 'prelu', slope } : undefined;
}

/** An activation goes into the operator it follows. */
export const fuseActivation: Pass = {
  name: 'fuse-activation',
  run(graph, context) {
    const { types, constants } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node) || node.epilogue) continue;
      const producer = editor.soleProducer(node.inputs[0], node);
      if (!producer || !takesActivation(editor, producer, types)) continue;
      const { activation: taken, gate, addAfterActivation } = producer.epilogue ?? {};
      if (taken || gate !== undefined || addAfterActivation) continue;
      const activation = activationOf(node, constants) ?? preluOf(editor, node, producer, types);
      if (activation) editor.replace(node, withEpilogue(producer, node.outputs[0]!, { activation }), [producer]);
    }
    return editor.finish();
  },
};
