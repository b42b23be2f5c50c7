import { numbersAttribute } from '../../attributes.js';
import { sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';

/** [N, C, ...] seen as [N, g, C/g, ...], groups and channels swapped, and back: ChannelShuffle. */
export const channelShuffle: Pass = {
  name: 'channel-shuffle',
  needs: [['Transpose'], ['Reshape']],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (node.op !== 'Reshape' || !editor.has(node)) continue;
      const swap = editor.soleProducer(node.inputs[0], node);
      const split = swap?.op === 'Transpose' ? editor.soleProducer(swap.inputs[0], swap) : undefined;
      if (!swap || split?.op !== 'Reshape') continue;
      const x = types.get(split.inputs[0]!)?.shape;
      const parts = types.get(split.outputs[0]!)?.shape;
      const y = types.get(node.outputs[0]!)?.shape;
      const perm = numbersAttribute(swap, 'perm');
      if (!x || !parts || !y || !perm || x.length < 3 || !sameShape(x, y)) continue;
      const groups = parts[1]!;
      if (!sameShape(parts, [x[0]!, groups, x[1]! / groups, ...x.slice(2)])) continue;
      if (!sameShape(perm, [0, 2, 1, ...parts.map((_, axis) => axis).slice(3)])) continue;
      const attributes = { group: groups };
      editor.replace(
        node,
        { op: 'ChannelShuffle', name: node.name, inputs: [split.inputs[0]!], outputs: node.outputs, attributes },
        [swap, split],
      );
    }
    return editor.finish();
  },
};
