import { GraphEditor } from '../../editor.js';
import type { Graph } from '../../ir.js';
import type { Pass } from '../pass.js';

/** The graph without nodes and constants nobody reads. */
export function withoutDead(graph: Graph): Graph {
  const editor = new GraphEditor(graph);
  const isRead = (name: string) => editor.isOutput(name) || editor.readers(name).length > 0;
  for (const node of [...graph.nodes].reverse()) if (!node.outputs.some(isRead)) editor.remove(node);
  for (const name of editor.constantNames()) if (!isRead(name)) editor.dropConstant(name);
  return editor.finish();
}

export const removeDead: Pass = { name: 'remove-dead', run: withoutDead };
