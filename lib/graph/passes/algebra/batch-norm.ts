import { flagAttribute, numberAttribute } from '../../attributes.js';
import { float32Of } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import { isFloat } from '../../element-type.js';
import type { Pass } from '../pass.js';
import { channelScale } from './affine.js';

/**
 * Batch normalisation at inference is a channel scale: with s = gamma / sqrt(variance + epsilon) it computes x*s + (beta - mean*s).
 * Other passes then fold it, or it runs as one.
 */
export const batchNormToScale: Pass = {
  name: 'batch-norm-to-scale',
  needs: [['BatchNormalization']],
  *run(graph, { fold }) {
    const editor = new GraphEditor(graph);
    for (const node of graph.nodes) {
      if (node.op !== 'BatchNormalization') continue;
      if (flagAttribute(node, 'training_mode', false) || !flagAttribute(node, 'spatial', true)) continue;
      if (
        node.outputs.slice(1).some((name) => name !== '' && (editor.isOutput(name) || editor.readers(name).length > 0))
      )
        continue;
      const [x, ...names] = node.inputs;
      const parameters = names.flatMap((name) => editor.constant(name) ?? []);
      if (!parameters.every(({ type }) => isFloat(type))) continue;
      const [gamma, beta, mean, variance] = parameters.map(float32Of);
      if (!x || !gamma || !beta || !mean || !variance) continue;
      if (parameters.some(({ shape }) => shape.length !== 1 || shape[0] !== gamma.length)) continue;
      const epsilon = numberAttribute(node, 'epsilon', 1e-5);
      editor.replace(node, channelScale(editor, node, x, fold.batchNormToAffine(gamma, beta, mean, variance, epsilon)));
      yield;
    }
    return editor.finish();
  },
};
