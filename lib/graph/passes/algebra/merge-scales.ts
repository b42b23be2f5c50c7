import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { affineOf, channelScale, compose } from './affine.js';

/** One unit in the last place of float32: what a constant such as 1/6 is off by when multiplied with 6. */
const ROUNDING = 2 ** -23;

/** A channel scale of a channel scale is one; one by 1 and 0 is none. */
export const mergeScales: Pass = {
  name: 'merge-scales',
  needs: [['ChannelScale']],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node)) continue;
      const second = affineOf(editor, node);
      if (!second) continue;
      if (second.scale.every((s) => Math.abs(s - 1) <= ROUNDING) && second.shift.every((t) => t === 0)) {
        editor.bypass(node, node.inputs[0]!);
        continue;
      }
      const before = editor.soleProducer(node.inputs[0], node);
      const first = before && affineOf(editor, before);
      if (first) editor.replace(node, channelScale(editor, node, before.inputs[0]!, compose(first, second)), [before]);
    }
    return editor.finish();
  },
};
