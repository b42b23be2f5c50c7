import { foldInParts } from '../../../fold/in-parts.js';
import { flagAttribute, numberAttribute } from '../../attributes.js';
import { doublesOf, elementCount, float32Of, sizeOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';

/** alpha and beta of a Gemm go into its weights, and its bias becomes one value per column. */
export const normalizeGemm: Pass = {
  name: 'normalize-gemm',
  needs: [['Gemm']],
  *run(graph, context) {
    const editor = new GraphEditor(graph);
    for (const node of graph.nodes) {
      const weight = editor.constant(node.inputs[1]);
      const bias = node.inputs[2] ? editor.constant(node.inputs[2]) : undefined;
      if (node.op !== 'Gemm' || node.epilogue || weight?.shape.length !== 2 || (node.inputs[2] && !bias)) continue;
      const transB = flagAttribute(node, 'transB', false);
      const width = weight.shape[transB ? 0 : 1]!;
      const alpha = numberAttribute(node, 'alpha', 1);
      const beta = numberAttribute(node, 'beta', 1);
      const isVector = !bias || (bias.shape.length === 1 && bias.shape[0] === width);
      if (alpha === 1 && beta === 1 && isVector) continue;
      // A bias that varies along the rows is no bias of a column.
      if (bias && sizeOf(bias) !== elementCount(bias.shape.slice(-1))) continue;
      const values = bias ? doublesOf(bias) : Float64Array.of(0);
      const shift = Float64Array.from({ length: width }, (_, i) => beta * values[values.length === 1 ? 0 : i]!);
      const scale = new Float64Array(width).fill(alpha);
      const linear = {
        weight: float32Of(weight),
        shape: weight.shape,
        bias: null,
        axis: transB ? 'oi' : 'io',
        groups: 1,
      } as const;
      const folded = yield* foldInParts(context.fold.foldAfter, linear, { scale, shift });
      const inputs = [
        node.inputs[0]!,
        editor.addConstant(`${node.name}.weight`, { type: 'float32', shape: weight.shape, data: folded.weight }),
        editor.addConstant(`${node.name}.bias`, { type: 'float32', shape: [width], data: folded.bias }),
      ];
      const { alpha: _alpha, beta: _beta, ...attributes } = node.attributes;
      editor.replace(node, { ...node, inputs, attributes } satisfies Node);
    }
    return editor.finish();
  },
};
