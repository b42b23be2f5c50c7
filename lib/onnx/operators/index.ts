import type { Node } from '../../graph/ir.js';
import { imageLifts } from './image-operators.js';
import type { Lift, LiftContext } from './lift.js';
import { pointwiseLifts } from './pointwise-operators.js';
import { shapeLifts } from './shape-operators.js';

const lifts = new Map<string, Lift[]>();
for (const lift of [...shapeLifts, ...pointwiseLifts, ...imageLifts]) {
  for (const op of lift.ops) lifts.set(op, [...(lifts.get(op) ?? []), lift]);
}

/** The node in the form of the newest operator set, given the one it was written for. */
export function liftNode(node: Node, opset: number, context: LiftContext): Node {
  for (const { from = 1, before, lift } of lifts.get(node.op) ?? []) {
    if (opset >= from && opset < before) return lift(node, context);
  }
  return node;
}
