/** Graphs of our operators to graphs of standard ones: what a file may hold. */
import { analyze } from '../../graph/analysis.js';
import { GraphEditor } from '../../graph/editor.js';
import type { Attribute, Graph, Node } from '../../graph/ir.js';
import { withoutDead } from '../../graph/passes/cleanup/remove-dead.js';
import { activationRules } from './activations.js';
import { epilogueRule } from './epilogue.js';
import { linearRules } from './linear.js';
import { movementRules } from './movement.js';
import { expansionOf, type Rules } from './rule.js';
import { scalingRules } from './scaling.js';

const rules: Rules = { ...activationRules, ...scalingRules, ...linearRules, ...movementRules };

const isGraph = (value: Attribute): value is Graph => typeof value === 'object' && 'nodes' in value;

function withStandardBodies(node: Node): Node {
  if (!Object.values(node.attributes).some(isGraph)) return node;
  const entries = Object.entries(node.attributes).map(([name, value]) => [
    name,
    isGraph(value) ? toStandard(value) : value,
  ]);
  return { ...node, attributes: Object.fromEntries(entries) as Node['attributes'] };
}

/**
 * The graph with every epilogue, and every operator and attribute beyond ONNX, written out in standard nodes of operator set 21 or
 * newer. Operators nobody here knows pass through. The original is left alone, and comes back when there is nothing to do.
 */
export function toStandard(graph: Graph): Graph {
  const editor = new GraphEditor(graph);
  const expansion = expansionOf(editor, analyze(graph, { strict: false }).types);
  const expand = (node: Node): readonly Node[] => {
    const parts = epilogueRule(node, expansion) ?? rules[node.op]?.(node, expansion);
    return parts ? parts.flatMap(expand) : [node];
  };
  for (const node of graph.nodes) {
    const whole = withStandardBodies(node);
    const nodes = expand(whole);
    if (nodes.length > 1 || nodes[0] !== node) editor.replace(node, nodes);
  }
  const standard = editor.finish();
  // Parameters that were taken apart are read by nobody any more.
  return standard === graph ? graph : withoutDead(standard);
}
