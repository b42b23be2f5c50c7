import { numbersAttribute } from '../../attributes.js';
import { int64Vector } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';

const reshapes = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** A reshape of a reshape is one reshape; a transpose of a transpose is one transpose. */
export const mergeMoves: Pass = {
  name: 'merge-moves',
  needs: [[...reshapes, 'Transpose']],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      const [x = ''] = node.inputs;
      if (!editor.has(node)) continue;
      const before = editor.soleProducer(x, node);
      if (!before) continue;
      const source = before.inputs[0]!;
      if (reshapes.has(node.op) && reshapes.has(before.op)) {
        const shape = types.get(node.outputs[0]!)?.shape;
        if (!shape || shape.some((extent) => Number.isNaN(extent) || extent === 0)) continue;
        const inputs = [source, editor.addConstant(`${node.name}.shape`, int64Vector(shape))];
        editor.replace(node, { ...node, op: 'Reshape', inputs, attributes: {} }, [before]);
      } else if (node.op === 'Transpose' && before.op === 'Transpose') {
        const outer = numbersAttribute(node, 'perm');
        const inner = numbersAttribute(before, 'perm');
        if (!outer || !inner || outer.length !== inner.length) continue;
        const perm = outer.map((axis) => inner[axis]!);
        editor.replace(node, { ...node, inputs: [source], attributes: { perm } }, [before]);
      }
    }
    return editor.finish();
  },
};
