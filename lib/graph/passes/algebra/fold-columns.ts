import type { ChannelAffine } from '../../../fold/algebra.js';
import { doublesOf, sizeOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { affine } from './affine.js';
import { foldedAfter, linearOf } from './linear.js';

const forms: Readonly<Record<string, (c: Float64Array) => ChannelAffine>> = {
  Add: (c) => affine([1], c),
  Sub: (c) =>
    affine(
      [1],
      c.map((value) => -value),
    ),
  Mul: (c) => affine(c, [0]),
  Div: (c) =>
    affine(
      c.map((value) => 1 / value),
      [0],
    ),
};

/** Arithmetic with one constant per column behind a matrix product: the way biases of linear layers are exported. */
export const foldColumns: Pass = {
  name: 'fold-columns',
  needs: [Object.keys(forms), ['MatMul', 'Gemm']],
  *run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      const make = forms[node.op];
      if (!make || !editor.has(node) || node.epilogue) continue;
      const [a, b] = node.inputs as [string, string];
      const commutes = node.op === 'Add' || node.op === 'Mul';
      const [x, c] = commutes && editor.constant(a) ? [b, a] : [a, b];
      const constant = editor.constant(c);
      const producer = editor.soleProducer(x, node);
      const linear = producer && linearOf(editor, producer);
      if (
        !constant ||
        !producer ||
        !linear?.channelsLast ||
        sizeOf(constant) !== linear.outputChannels ||
        constant.shape.at(-1) !== linear.outputChannels
      )
        continue;
      if (constant.shape.length > Math.max(1, types.get(x)?.shape.length ?? 0)) continue;
      const columns = make(doublesOf(constant));
      if (!columns.scale.every(Number.isFinite)) continue;
      const folded = yield* foldedAfter(editor, context.fold, linear, columns);
      editor.replace(node, { ...folded, outputs: node.outputs }, [producer]);
    }
    return editor.finish();
  },
};
