import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';

/** Nodes whose results are known before the run become constants. With bound shapes that is all shape arithmetic. */
export const foldConstants: Pass = {
  name: 'fold-constants',
  run(graph, context) {
    const { constants } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of graph.nodes) {
      const known = node.outputs.flatMap((name) => {
        const constant = name === '' ? undefined : constants.get(name);
        return constant ? [[name, constant] as const] : [];
      });
      if (known.length > 0 && known.length === node.outputs.filter((name) => name !== '').length)
        editor.become(node, known);
    }
    return editor.finish();
  },
};
