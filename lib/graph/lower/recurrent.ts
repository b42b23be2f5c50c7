/** RNN, GRU and LSTM: one matrix product for the inputs of all steps and directions, then one step that walks through time. */
import { flagAttribute, numberAttribute, numbersAttribute, stringAttribute } from '../attributes.js';
import { elementCount } from '../constant.js';
import type { CellFunction, UnaryFunction, ValueIndex } from '../plan-spec.js';
import { gateCounts, recurrentGeometry } from '../shapes/recurrent.js';
import { floatInput, type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';

interface FunctionRule {
  readonly fn: UnaryFunction;
  /** Defaults of the parameters it takes. */
  readonly alpha?: number;
  readonly beta?: number;
  /** Where they are factors around the function instead of parameters of it. */
  readonly around?: (alpha: number, beta: number) => Partial<CellFunction>;
}

const functions: Readonly<Record<string, FunctionRule>> = {
  relu: { fn: 'relu' },
  tanh: { fn: 'tanh' },
  sigmoid: { fn: 'sigmoid' },
  softsign: { fn: 'softsign' },
  softplus: { fn: 'softplus' },
  elu: { fn: 'elu', alpha: 1 },
  leakyrelu: { fn: 'leakyRelu', alpha: 0.01 },
  thresholdedrelu: { fn: 'thresholdedRelu', alpha: 1 },
  hardsigmoid: { fn: 'hardSigmoid', alpha: 0.2, beta: 0.5 },
  affine: { fn: 'identity', alpha: 1, beta: 0, around: (alpha, beta) => ({ after: alpha, shift: beta }) },
  scaledtanh: { fn: 'tanh', alpha: 1, beta: 1, around: (alpha, beta) => ({ before: beta, after: alpha }) },
};

const defaults: Readonly<Record<string, readonly string[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};

function stringsAttribute(context: LowerInput, name: string): readonly string[] | undefined {
  const value = context.node.attributes[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw new UnsupportedNode(`attribute '${name}' must be a list of names`);
  return (value as unknown[]).map(String);
}

/** Parameters are listed for those functions that have them, in order. */
function cellFunctions(context: LowerInput, directions: number): CellFunction[] {
  const own = defaults[context.node.op]!;
  const wanted = directions * own.length;
  const names = stringsAttribute(context, 'activations') ?? Array.from({ length: directions }, () => own).flat();
  if (names.length !== wanted) throw new UnsupportedNode(`got ${names.length} activations, ${wanted} are needed`);
  const alphas = [...(numbersAttribute(context.node, 'activation_alpha') ?? [])];
  const betas = [...(numbersAttribute(context.node, 'activation_beta') ?? [])];
  return names.map((name) => {
    const rule = functions[name.toLowerCase()];
    if (!rule) throw new UnsupportedNode(`activation '${name}' (supported: ${Object.keys(functions).join(', ')})`);
    const alpha = rule.alpha === undefined ? 0 : (alphas.shift() ?? rule.alpha);
    const beta = rule.beta === undefined ? 0 : (betas.shift() ?? rule.beta);
    const plain = { fn: rule.fn, alpha, beta, before: 1, after: 1, shift: 0 };
    return rule.around ? { ...plain, ...rule.around(alpha, beta) } : plain;
  });
}

const recurrent: LowerRule = (context) => {
  const { node, builder } = context;
  const { steps, batch, directions, hidden, batchFirst } = recurrentGeometry(context);
  const gates = gateCounts[node.op]!;
  const compose = new Composer(context);
  const direction = stringAttribute(node, 'direction', 'forward').toLowerCase();
  if (directions !== (direction === 'bidirectional' ? 2 : 1))
    throw new UnsupportedNode(`direction '${direction}' with weights of ${directions} directions`);

  const zeros = (shape: readonly number[], fill = 0) =>
    compose.part(shape, new Float32Array(elementCount(shape)).fill(fill));
  const optional = (index: number, shape: readonly number[]): ValueIndex =>
    context.has(index) ? context.x(index) : zeros(shape);
  const states = [directions, batch, hidden];
  const state = (index: number): ValueIndex => {
    if (!context.has(index)) return zeros(states);
    return batchFirst ? compose.transpose(context.x(index), [1, 0, 2]) : context.x(index);
  };

  const x = batchFirst ? compose.transpose(context.x(0), [1, 0, 2]) : context.x(0);
  const width = context.input(1).shape[2]!;
  const rows = compose.reshaped(x, [steps * batch, width]);
  const weights = compose.reshaped(context.x(1), [directions * gates * hidden, width]);
  const products = compose.matmul(rows, weights, true);

  /** Output `index` where somebody wants it, in the order of the batch that the step writes. */
  const finish: (() => void)[] = [];
  const output = (index: number, shape: readonly number[], order: readonly number[]): ValueIndex => {
    const wanted = (node.outputs[index] ?? '') !== '';
    if (wanted && !batchFirst) return context.y(index);
    const value = compose.part(shape);
    if (wanted) finish.push(() => compose.transpose(value, order, context.y(index)));
    return value;
  };
  const outputs = [
    output(0, [steps, directions, batch, hidden], [2, 0, 1, 3]),
    output(1, states, [1, 0, 2]),
    output(2, states, [1, 0, 2]),
  ];
  const lstm = node.op === 'LSTM';
  builder.steps.push({
    op: 'recurrent',
    name: node.name,
    inputs: [
      compose.reshaped(products, [steps, batch, directions * gates * hidden]),
      context.x(2),
      optional(3, [directions, 2 * gates * hidden]),
      context.has(4) ? floatInput(context, 4) : zeros([batch], steps),
      state(5),
      lstm ? state(6) : zeros(states),
      lstm ? optional(7, [directions, 3 * hidden]) : zeros([directions, 3 * hidden]),
    ],
    outputs,
    kind: node.op.toLowerCase() as 'rnn' | 'gru' | 'lstm',
    activations: cellFunctions(context, directions),
    clip: numberAttribute(node, 'clip', 0),
    reverse: direction === 'reverse',
    inputForget: flagAttribute(node, 'input_forget', false),
    linearBeforeReset: flagAttribute(node, 'linear_before_reset', false),
  });
  for (const transpose of finish) transpose();
};

export const recurrentLowering: LowerRules = { RNN: recurrent, GRU: recurrent, LSTM: recurrent };
