import type { Work } from '../../../work.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';
import { type Branch, branchOf, inSingle, mergeInto, slidesAlike } from './branch.js';

/** The terms of a sum: Adds that nobody else reads are looked through. */
function termsOf(editor: GraphEditor, root: Node): { terms: string[]; adds: Node[] } {
  const terms: string[] = [];
  const adds: Node[] = [];
  const visit = (add: Node) => {
    for (const name of add.inputs) {
      const producer = editor.soleProducer(name, add);
      if (producer?.op === 'Add' && !producer.epilogue) {
        adds.push(producer);
        visit(producer);
      } else {
        terms.push(name);
      }
    }
  };
  visit(root);
  return { terms, adds };
}

/**
 * Parallel convolutions of one value, a scale of it, and the value itself, added up, are one convolution (RepVGG, ACB).
 * Only branches that fit into the largest kernel of the sum are merged: growing a kernel would add work.
 */
export const mergeBranches: Pass = {
  name: 'merge-branches',
  needs: [['Add'], ['Conv']],
  *run(graph) {
    const editor = new GraphEditor(graph);
    for (const root of [...graph.nodes].reverse()) {
      if (root.op !== 'Add' || root.epilogue || !editor.has(root)) continue;
      // The outermost Add of a sum sees all its terms.
      const [sum = ''] = root.outputs;
      if (editor.soleReader(sum)?.op === 'Add') continue;
      const { terms, adds } = termsOf(editor, root);
      const convolutions = terms
        .flatMap((name) => {
          const node = editor.producer(name);
          const only = editor.readers(name).length === 1 && !editor.isOutput(name);
          const branch = only && node?.op === 'Conv' ? branchOf(editor, name, undefined) : undefined;
          return branch ? [branch] : [];
        })
        .sort((a, b) => b.taps - a.taps);
      for (const base of convolutions) {
        const others = terms.flatMap((name) => (name === base.value ? [] : (branchOf(editor, name, base) ?? [])));
        let merged = base;
        const taken: Branch[] = [];
        for (const other of others) {
          if (!slidesAlike(merged, other)) continue;
          merged = yield* mergeInto(merged, other);
          taken.push(other);
        }
        if (taken.length === 0) continue;
        const gone = new Set([base, ...taken]);
        const rest = terms.filter((name) => ![...gone].some(({ value }) => value === name));
        yield* rewrite(
          editor,
          root,
          adds,
          merged,
          [...gone].flatMap(({ node }) => node ?? []),
          rest,
        );
        break;
      }
    }
    return editor.finish();
  },
};

function* rewrite(
  editor: GraphEditor,
  root: Node,
  adds: readonly Node[],
  merged: Branch,
  absorbed: readonly Node[],
  rest: readonly string[],
): Work<void> {
  const conv = merged.node!;
  const weight = editor.addConstant(`${conv.name}.weight`, {
    type: 'float32',
    shape: merged.shape,
    data: yield* inSingle(yield* merged.weight()),
  });
  const bias = editor.addConstant(`${conv.name}.bias`, {
    type: 'float32',
    shape: [merged.bias.length],
    data: Float32Array.from(merged.bias),
  });
  const nodes: Node[] = [];
  const output = (last: boolean) => (last ? root.outputs[0]! : editor.freshName(`${root.outputs[0]}.partial`));
  let sum = output(rest.length === 0);
  const attributes = merged.padValue ? { ...conv.attributes, padValue: merged.padValue } : conv.attributes;
  nodes.push({ ...conv, inputs: [conv.inputs[0]!, weight, bias], outputs: [sum], attributes });
  for (const [index, term] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const result = output(isLast);
    nodes.push({
      op: 'Add',
      name: isLast ? root.name : editor.freshName(`${root.name}.partial`),
      inputs: [sum, term],
      outputs: [result],
      attributes: {},
    });
    sum = result;
  }
  editor.replace(root, nodes, [...adds, ...absorbed]);
}
