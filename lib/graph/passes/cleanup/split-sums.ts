import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';

/** A Sum of many becomes Adds of two, so that every other pass knows one form of addition. */
export const splitSums: Pass = {
  name: 'split-sums',
  needs: [['Sum']],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of graph.nodes) {
      if (node.op !== 'Sum' || node.inputs.length < 2 || node.epilogue) continue;
      const adds: Node[] = [];
      let left = node.inputs[0]!;
      for (const [index, right] of node.inputs.entries()) {
        if (index === 0) continue;
        const isLast = index === node.inputs.length - 1;
        const name = isLast ? node.name : editor.freshName(`${node.name}.${index}`);
        const output = isLast ? node.outputs[0]! : editor.freshName(`${node.outputs[0]}.${index}`);
        adds.push({ op: 'Add', name, inputs: [left, right], outputs: [output], attributes: {} });
        left = output;
      }
      editor.replace(node, adds);
    }
    return editor.finish();
  },
};
