import { sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { takesEpilogue, withEpilogue } from './targets.js';

/**
 * An Add of equal shapes goes into the convolution or matrix product that makes one of its operands: the one made later, whose
 * result would otherwise travel through memory last. An activation already there stays before the addition.
 */
export const fuseResidual: Pass = {
  name: 'fuse-residual',
  needs: [['Add']],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    const order = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
    for (const node of editor.nodes()) {
      if (node.op !== 'Add' || node.epilogue || !editor.has(node)) continue;
      const [a = '', b = ''] = node.inputs;
      const shapes = [a, b].map((name) => types.get(name)?.shape);
      if (!shapes[0] || !shapes[1] || !sameShape(shapes[0], shapes[1])) continue;
      const candidates = [
        [a, b],
        [b, a],
      ] as const;
      const fits = candidates.flatMap(([value, residual]) => {
        const producer = editor.soleProducer(value, node);
        if (!producer || !takesEpilogue(editor, producer, types)) return [];
        const { residual: taken, gate, addAfterActivation } = producer.epilogue ?? {};
        return taken !== undefined || gate !== undefined || addAfterActivation
          ? []
          : [{ producer, residual, made: order.get(value) ?? -1 }];
      });
      const best = fits.sort((x, y) => y.made - x.made)[0];
      if (!best) continue;
      const { producer, residual } = best;
      const after = producer.epilogue?.activation ? { addAfterActivation: true } : {};
      editor.replace(node, withEpilogue(producer, node.outputs[0]!, { residual, ...after }), [producer]);
    }
    return editor.finish();
  },
};
