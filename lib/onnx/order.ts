/** Topological order of nodes. */
import type { Node } from '../graph/ir.js';
import { valuesRead } from '../graph/values.js';
import { formatError } from './format-error.js';

/**
 * The nodes with every producer before its readers. A list that is already in order comes back unchanged, since the order
 * of the file is the one its author knows. Iterative: a chain of any length must not exhaust the stack.
 * @throws LanewiseError ERR_MODEL_FORMAT on a cycle
 */
export function sortNodes(nodes: readonly Node[]): Node[] {
  const producers = new Map<string, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output !== '') producers.set(output, node);
  const state = new Map<Node, 'open' | 'done'>();
  const sorted: Node[] = [];
  for (const root of nodes) {
    const stack: { node: Node; pending: Node[] }[] = [];
    const enter = (node: Node) => {
      state.set(node, 'open');
      const pending = valuesRead(node).flatMap((name) => producers.get(name) ?? []);
      stack.push({ node, pending: pending.reverse() });
    };
    if (!state.has(root)) enter(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.pending.pop();
      if (!next) {
        state.set(top.node, 'done');
        sorted.push(top.node);
        stack.pop();
      } else if (state.get(next) === 'open') {
        throw formatError(`the graph has a cycle through node '${next.name}' (${next.op})`);
      } else if (!state.has(next)) {
        enter(next);
      }
    }
  }
  return sorted;
}
