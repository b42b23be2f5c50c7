import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { cubicOn } from './polynomial.js';
import { type Product, productsWith, replaceScaled } from './product.js';
import { close } from './scalars.js';

const gates = new Set(['Erf', 'Tanh']);
const CUBIC = 0.044715;

/** Which GELU a product is: the argument of erf is x/sqrt 2, that of tanh is sqrt(2/pi)(x + 0.044715 x^3). */
function approximation(editor: GraphEditor, { x, f }: Product): 'none' | 'tanh' | undefined {
  const [constant, linear, square, cube] = cubicOn(editor, f.inputs[0]!, x) ?? [];
  if (linear === undefined || square === undefined || cube === undefined || constant !== 0 || square !== 0)
    return undefined;
  if (f.op === 'Erf') return cube === 0 && close(linear, Math.SQRT1_2, 1e-4) ? 'none' : undefined;
  const root = Math.sqrt(2 / Math.PI);
  return close(linear, root, 1e-4) && close(cube, root * CUBIC, 1e-3) ? 'tanh' : undefined;
}

/** 0.5 x (1 + erf(x/sqrt 2)) and its tanh form, in their usual orders, become Gelu. */
export const gelu: Pass = {
  name: 'gelu',
  needs: [['Mul'], [...gates]],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (!editor.has(node)) continue;
      for (const product of productsWith(editor, node, gates)) {
        const { x, factor, scale, shift } = product;
        const approximate = scale !== 0 && close(shift, scale) ? approximation(editor, product) : undefined;
        if (!approximate) continue;
        const exact = 2 * factor * scale;
        replaceScaled(
          editor,
          node,
          { op: 'Gelu', inputs: [x], attributes: { approximate } },
          close(exact, 1, 1e-7) ? 1 : exact,
        );
        break;
      }
    }
    return editor.finish();
  },
};
