import { numberAttribute } from '../../attributes.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';
import { clipAsHardSigmoid } from './hard-sigmoid.js';
import { productsWith, replaceScaled } from './product.js';
import { affineOn } from './scalars.js';

const gates = new Set(['Clip', 'HardSigmoid']);

/** f(x) as range times a hard sigmoid with lower bound 0. */
function hardSigmoidOf(
  editor: GraphEditor,
  f: Node,
  x: string,
): { alpha: number; beta: number; range: number } | undefined {
  const argument = affineOn(editor, f.inputs[0]!, x);
  if (!argument) return undefined;
  if (f.op === 'Clip') {
    const found = clipAsHardSigmoid(editor, f, argument);
    return found?.low === 0 ? found : undefined;
  }
  const alpha = numberAttribute(f, 'alpha', 0.2);
  return { alpha: alpha * argument.scale, beta: alpha * argument.shift + numberAttribute(f, 'beta', 0.5), range: 1 };
}

/** x * HardSigmoid(x) and x * Clip(x + 3, 0, 6) / 6, in every order, become HardSwish with the parameters of the hard sigmoid. */
export const hardSwish: Pass = {
  name: 'hard-swish',
  needs: [['Mul'], [...gates]],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node)) continue;
      for (const { x, factor, f, scale, shift } of productsWith(editor, node, gates)) {
        const found = shift === 0 ? hardSigmoidOf(editor, f, x) : undefined;
        if (!found) continue;
        const { alpha, beta, range } = found;
        replaceScaled(
          editor,
          node,
          { op: 'HardSwish', inputs: [x], attributes: { alpha, beta } },
          factor * scale * range,
        );
        break;
      }
    }
    return editor.finish();
  },
};
