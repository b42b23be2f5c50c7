import { sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';
import { isConvolution, takesEpilogue, withEpilogue } from './targets.js';

/** A Mul by a value of the same shape, or of one value per image and channel, goes into the convolution before it. */
export const fuseGate: Pass = {
  name: 'fuse-gate',
  needs: [['Mul']],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    const order = new Map(graph.nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
    for (const node of editor.nodes()) {
      if (node.op !== 'Mul' || node.epilogue || !editor.has(node)) continue;
      const [a = '', b = ''] = node.inputs;
      const fits = (
        [
          [a, b],
          [b, a],
        ] as const
      ).flatMap(([value, gate]) => {
        const producer = editor.soleProducer(value, node);
        const shape = types.get(value)?.shape;
        const gateShape = types.get(gate)?.shape;
        if (!producer || !shape || !gateShape || !takesEpilogue(editor, producer, types)) return [];
        // Channels of a matrix product are its last axis, so only a convolution's gate can be one value per channel.
        const perChannel =
          isConvolution(producer) && shape.length === 4 && sameShape(gateShape, [shape[0]!, shape[1]!, 1, 1]);
        const { gate: taken, addAfterActivation } = producer.epilogue ?? {};
        if (taken !== undefined || addAfterActivation || !(perChannel || sameShape(shape, gateShape))) return [];
        return [{ producer, gate, made: order.get(value) ?? -1 }];
      });
      const best = fits.sort((x, y) => y.made - x.made)[0];
      if (best)
        editor.replace(node, withEpilogue(best.producer, node.outputs[0]!, { gate: best.gate }), [best.producer]);
    }
    return editor.finish();
  },
};
