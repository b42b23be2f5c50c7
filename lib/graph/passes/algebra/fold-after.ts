import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { affineOf, widen } from './affine.js';
import { foldedAfter, linearOf } from './linear.js';

/** A channel scale behind a convolution or matrix product goes into its weights and bias. */
export const foldScaleAfter: Pass = {
  name: 'fold-scale-after',
  needs: [['ChannelScale']],
  *run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      const found = editor.has(node) ? affineOf(editor, node) : undefined;
      const producer = found && editor.soleProducer(node.inputs[0], node);
      const linear = producer && linearOf(editor, producer);
      if (!linear) continue;
      // The channels of a scale are axis 1; those of a matrix product are the last axis, the same only for a matrix.
      const aligned =
        !linear.channelsLast || found.scale.length === 1 || types.get(node.inputs[0]!)?.shape.length === 2;
      const wide = aligned ? widen(found, linear.outputChannels) : undefined;
      if (!wide) continue;
      const folded = yield* foldedAfter(editor, context.fold, linear, wide);
      yield;
      editor.replace(node, { ...folded, outputs: node.outputs }, [producer]);
    }
    return editor.finish();
  },
};
