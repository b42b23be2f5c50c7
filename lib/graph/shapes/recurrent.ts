/** RNN, GRU, LSTM. */
import { numberAttribute } from '../attributes.js';
import { ShapeError } from '../shape-error.js';
import { differ, type RuleInput, type ShapeRule, type ShapeRules } from './rule.js';

export interface RecurrentGeometry {
  readonly steps: number;
  readonly batch: number;
  readonly directions: number;
  readonly hidden: number;
  /** Tensors have the batch before the steps and directions. */
  readonly batchFirst: boolean;
}

export const gateCounts: Readonly<Record<string, number>> = { RNN: 1, GRU: 3, LSTM: 4 };

export function recurrentGeometry(context: RuleInput): RecurrentGeometry {
  const { node } = context;
  const x = context.input(0).shape;
  const w = context.input(1).shape;
  const r = context.input(2).shape;
  if (x.length !== 3 || w.length !== 3 || r.length !== 3)
    throw new ShapeError(`needs a sequence and weights of rank 3, got [${x}], [${w}] and [${r}]`);
  const batchFirst = numberAttribute(node, 'layout', 0) !== 0;
  const [steps, batch] = batchFirst ? [x[1]!, x[0]!] : [x[0]!, x[1]!];
  const [directions, rows, hidden] = r as [number, number, number];
  const gates = gateCounts[node.op] ?? 1;
  if (differ(rows, gates * hidden) || differ(w[0]!, directions) || differ(w[1]!, rows) || differ(w[2]!, x[2]!))
    throw new ShapeError(`weights [${w}] and [${r}] of ${gates} gates do not fit an input [${x}]`);
  return { steps, batch, directions, hidden, batchFirst };
}

const recurrent: ShapeRule = (context) => {
  const { type } = context.input(0);
  const { steps, batch, directions, hidden, batchFirst } = recurrentGeometry(context);
  const y = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const state = { type, shape: batchFirst ? [batch, directions, hidden] : [directions, batch, hidden] };
  return [{ type, shape: y }, state, state];
};

export const recurrentShapes: ShapeRules = { RNN: recurrent, GRU: recurrent, LSTM: recurrent };
