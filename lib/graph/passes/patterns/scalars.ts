/** Looking through arithmetic with scalars: exporters write the same formula in every order. */
import { scalarOf } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';

/** value = source * scale + shift */
export interface ScalarAffine {
  readonly source: string;
  readonly scale: number;
  readonly shift: number;
}

type Operand = { readonly x: string; readonly c: number; readonly constantFirst: boolean };

/** The scalar and the other operand of a binary node. */
function scalarOperand(editor: GraphEditor, node: Node): Operand | undefined {
  const [a = '', b = ''] = node.inputs;
  for (const [x, name] of [
    [a, b],
    [b, a],
  ] as const) {
    const constant = editor.constant(name);
    const c = constant && constant.shape.length <= 1 && !editor.constant(x) ? scalarOf(constant) : undefined;
    if (c !== undefined) return { x, c, constantFirst: name === a };
  }
  return undefined;
}

const steps: Readonly<
  Record<string, (c: number, constantFirst: boolean) => readonly [scale: number, shift: number] | undefined>
> = {
  Add: (c) => [1, c],
  Sub: (c, constantFirst) => (constantFirst ? [-1, c] : [1, -c]),
  Mul: (c) => [c, 0],
  Div: (c, constantFirst) => (constantFirst || c === 0 ? undefined : [1 / c, 0]),
};

/** What {@link stepBack} can look through. */
export const arithmetic: readonly string[] = ['Neg', 'ChannelScale', ...Object.keys(steps)];

/** One step back from a value through arithmetic with a scalar. */
export function stepBack(editor: GraphEditor, value: string): ScalarAffine | undefined {
  const node = editor.producer(value);
  if (!node || node.epilogue) return undefined;
  if (node.op === 'Neg') return { source: node.inputs[0]!, scale: -1, shift: 0 };
  if (node.op === 'ChannelScale') {
    const scale = editor.scalar(node.inputs[1]);
    const shift = node.inputs[2] ? editor.scalar(node.inputs[2]) : 0;
    return scale === undefined || shift === undefined ? undefined : { source: node.inputs[0]!, scale, shift };
  }
  const operand = scalarOperand(editor, node);
  const step = operand && steps[node.op]?.(operand.c, operand.constantFirst);
  return step && operand ? { source: operand.x, scale: step[0], shift: step[1] } : undefined;
}

/** Every way to see a value as an affine function of one before it, nearest first: itself, one step back, two ... */
export function affineChain(editor: GraphEditor, value: string): ScalarAffine[] {
  const chain: ScalarAffine[] = [{ source: value, scale: 1, shift: 0 }];
  for (let step = stepBack(editor, value); step; step = stepBack(editor, step.source)) {
    const { scale, shift } = chain.at(-1)!;
    chain.push({ source: step.source, scale: step.scale * scale, shift: step.shift * scale + shift });
  }
  return chain;
}

/** A value as an affine function of `base`, if it is one. */
export const affineOn = (editor: GraphEditor, value: string, base: string): ScalarAffine | undefined =>
  affineChain(editor, value).find(({ source }) => source === base);

/** Equal but for the rounding of constants to float32, some of which exporters rounded more than once. */
export const close = (a: number, b: number, tolerance = 1e-5): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-3);
