import { flagAttribute, numbersAttribute } from '../../attributes.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';

/** A transpose of the last two axes before a MatMul's right side is left to the product, as `transB`. */
export const fuseTransposeIntoMatMul: Pass = {
  name: 'fuse-transpose-into-matmul',
  needs: [['MatMul'], ['Transpose']],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      if (node.op !== 'MatMul' || !editor.has(node)) continue;
      const transpose = editor.soleProducer(node.inputs[1], node);
      const perm = transpose?.op === 'Transpose' ? numbersAttribute(transpose, 'perm') : undefined;
      const rank = perm?.length ?? 0;
      if (!transpose || !perm || rank < 2) continue;
      const swapsLastTwo = perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
      if (!swapsLastTwo) continue;
      const inputs = [node.inputs[0]!, transpose.inputs[0]!, ...node.inputs.slice(2)];
      const attributes = { ...node.attributes, transB: flagAttribute(node, 'transB', false) ? 0 : 1 };
      editor.replace(node, { ...node, inputs, attributes }, [transpose]);
    }
    return editor.finish();
  },
};
