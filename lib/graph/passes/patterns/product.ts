/** Activations that are a product of x and a function of x: hard-swish, SiLU and GELU in all orders of multiplication. */
import { constantOf } from '../../constant.js';
import type { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import { affineChain } from './scalars.js';

/** node = x * (scale * f + shift), where `f` is a node and `factor` what x and constants contribute. */
export interface Product {
  readonly x: string;
  readonly factor: number;
  readonly f: Node;
  readonly scale: number;
  readonly shift: number;
}

/** The factors of a product of two non-constant values; products nobody else reads, and scalars, are looked through. */
function factorsOf(editor: GraphEditor, root: Node): { coefficient: number; factors: string[] } {
  let coefficient = 1;
  const factors: string[] = [];
  const visit = (name: string, reader: Node) => {
    const node = editor.soleProducer(name, reader);
    if (node?.op === 'Mul' && !node.epilogue) {
      const [a = '', b = ''] = node.inputs;
      const left = editor.scalar(a);
      const right = editor.scalar(b);
      if (left !== undefined || right !== undefined) {
        coefficient *= left ?? right!;
        visit(left !== undefined ? b : a, node);
        return;
      }
      visit(a, node);
      visit(b, node);
      return;
    }
    factors.push(name);
  };
  for (const name of root.inputs) visit(name, root);
  return { coefficient, factors };
}

/**
 * The ways to read a Mul as x times an affine function of `op`'s result, where x itself may carry a scalar.
 * The caller checks what `f` is applied to.
 */
export function productsWith(editor: GraphEditor, root: Node, ops: ReadonlySet<string>): Product[] {
  if (root.op !== 'Mul' || root.epilogue) return [];
  const { coefficient, factors } = factorsOf(editor, root);
  const [a, b] = factors;
  if (a === undefined || b === undefined || factors.length > 2) return [];
  const results: Product[] = [];
  for (const [other, side] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const { source, scale, shift } of affineChain(editor, side)) {
      const f = editor.producer(source);
      if (!f || !ops.has(f.op) || f.epilogue) continue;
      for (const base of affineChain(editor, other)) {
        if (base.shift !== 0) break;
        results.push({ x: base.source, factor: coefficient * base.scale, f, scale, shift });
      }
    }
  }
  return results;
}

/** Puts `node` (reading what it reads, writing a new value) and a factor behind it in the place of `root`. */
export function replaceScaled(
  editor: GraphEditor,
  root: Node,
  node: Omit<Node, 'name' | 'outputs'>,
  factor: number,
): void {
  if (factor === 1) {
    editor.replace(root, { ...node, name: root.name, outputs: [root.outputs[0]!] });
    return;
  }
  const value = editor.freshName(`${root.outputs[0]}.unscaled`);
  const scale = editor.addConstant(`${root.name}.factor`, constantOf('float64', [1], [factor]));
  const shift = editor.addConstant(`${root.name}.zero`, constantOf('float64', [1], [0]));
  editor.replace(root, [
    { ...node, name: root.name, outputs: [value] },
    {
      op: 'ChannelScale',
      name: editor.freshName(`${root.name}.scale`),
      inputs: [value, scale, shift],
      outputs: [root.outputs[0]!],
      attributes: {},
    },
  ]);
}
