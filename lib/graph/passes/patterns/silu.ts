import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { productsWith, replaceScaled } from './product.js';
import { affineOn, close } from './scalars.js';

const gates = new Set(['Sigmoid']);

/** x * Sigmoid(x) becomes Silu. */
export const silu: Pass = {
  name: 'silu',
  needs: [['Mul'], [...gates]],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node)) continue;
      for (const { x, factor, f, scale, shift } of productsWith(editor, node, gates)) {
        const argument = affineOn(editor, f.inputs[0]!, x);
        if (shift !== 0 || !argument || argument.shift !== 0 || !close(argument.scale, 1, 1e-7)) continue;
        replaceScaled(editor, node, { op: 'Silu', inputs: [x], attributes: {} }, factor * scale);
        break;
      }
    }
    return editor.finish();
  },
};
