/** Reading arithmetic as a polynomial of one value. */
import type { GraphEditor } from '../../editor.js';
import { stepBack } from './scalars.js';

/** Coefficients of 1, x, x^2, x^3. */
export type Cubic = readonly [number, number, number, number];

function multiply(a: Cubic, b: Cubic): Cubic | undefined {
  const product = [0, 0, 0, 0, 0, 0, 0];
  for (const [i, left] of a.entries()) for (const [j, right] of b.entries()) product[i + j]! += left * right;
  if (product.slice(4).some((coefficient) => coefficient !== 0)) return undefined;
  return product.slice(0, 4) as unknown as Cubic;
}

/** A value as a polynomial of `x` up to the third degree; `depth` bounds the walk, which may meet a value many times. */
export function cubicOn(editor: GraphEditor, value: string, x: string, depth = 8): Cubic | undefined {
  if (value === x) return [0, 1, 0, 0];
  if (depth === 0) return undefined;
  const of = (name: string) => cubicOn(editor, name, x, depth - 1);
  const step = stepBack(editor, value);
  if (step) {
    const [c0, c1, c2, c3] = of(step.source) ?? [];
    if (c0 === undefined || c1 === undefined || c2 === undefined || c3 === undefined) return undefined;
    return [c0 * step.scale + step.shift, c1 * step.scale, c2 * step.scale, c3 * step.scale];
  }
  const node = editor.producer(value);
  const [a = '', b = ''] = node?.inputs ?? [];
  const left = node && !node.epilogue && ['Add', 'Sub', 'Mul', 'Pow'].includes(node.op) ? of(a) : undefined;
  if (!node || !left) return undefined;
  if (node.op === 'Pow') {
    const exponent = editor.scalar(b);
    const square = exponent === 2 || exponent === 3 ? multiply(left, left) : undefined;
    return exponent === 3 && square ? multiply(square, left) : square;
  }
  const right = of(b);
  if (!right) return undefined;
  if (node.op === 'Mul') return multiply(left, right);
  const sign = node.op === 'Sub' ? -1 : 1;
  return left.map((coefficient, i) => coefficient + sign * right[i]!) as unknown as Cubic;
}
