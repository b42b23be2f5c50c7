import { GraphEditor } from '../../editor.js';
import type { Pass } from '../pass.js';

/** Nodes and constants nobody reads. */
export const removeDead: Pass = {
  name: 'remove-dead',
  run(graph) {
    const editor = new GraphEditor(graph);
    const isRead = (name: string) => editor.isOutput(name) || editor.readers(name).length > 0;
    for (const node of [...graph.nodes].reverse()) if (!node.outputs.some(isRead)) editor.remove(node);
    for (const name of editor.constantNames()) if (!isRead(name)) editor.dropConstant(name);
    return editor.finish();
  },
};
