/** Which values a node reads. One place, because a node reads more than its inputs. */
import type { Graph, Node } from './ir.js';

const isGraph = (value: unknown): value is Graph => typeof value === 'object' && value !== null && 'nodes' in value;

/** Names a body (of If or Loop) takes from the graph around it. */
function capturedBy(body: Graph): string[] {
  const inner = new Set<string>([...body.inputs.map((input) => input.name), ...body.constants.keys()]);
  for (const node of body.nodes) for (const output of node.outputs) inner.add(output);
  const read = [...body.nodes.flatMap(valuesRead), ...body.outputs.map((output) => output.name)];
  return read.filter((name) => !inner.has(name));
}

function readsOf(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== '');
  const { epilogue } = node;
  if (epilogue) {
    const { scale, shift, residual, gate, activation } = epilogue;
    for (const name of [scale, shift, residual, gate, activation?.slope]) if (name !== undefined) names.push(name);
  }
  for (const value of Object.values(node.attributes)) if (isGraph(value)) names.push(...capturedBy(value));
  return names;
}

/** Nodes are never changed, and every pass asks. */
const known = new WeakMap<Node, readonly string[]>();

/** Every value a node depends on: inputs, what its epilogue names, and what its bodies capture. */
export function valuesRead(node: Node): readonly string[] {
  let names = known.get(node);
  if (!names) {
    names = readsOf(node);
    known.set(node, names);
  }
  return names;
}

/** The node with every value it reads renamed; bodies are left alone, because nothing rewrites around them. */
export function renameReads(node: Node, rename: (name: string) => string): Node {
  const inputs = node.inputs.map((name) => (name === '' ? name : rename(name)));
  if (!node.epilogue) return { ...node, inputs };
  const { scale, shift, residual, gate, activation, ...rest } = node.epilogue;
  return {
    ...node,
    inputs,
    epilogue: {
      ...rest,
      ...(scale !== undefined && { scale: rename(scale) }),
      ...(shift !== undefined && { shift: rename(shift) }),
      ...(residual !== undefined && { residual: rename(residual) }),
      ...(gate !== undefined && { gate: rename(gate) }),
      ...(activation && {
        activation: activation.slope === undefined ? activation : { ...activation, slope: rename(activation.slope) },
      }),
    },
  };
}

export const hasBody = (node: Node): boolean => Object.values(node.attributes).some(isGraph);
