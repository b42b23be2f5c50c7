import { activationOf } from '../../activations.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';
import { affineChain, arithmetic, close, type ScalarAffine } from './scalars.js';

/** A Clip between two finite bounds, as hi - lo times a hard sigmoid of x, plus lo. */
export function clipAsHardSigmoid(editor: GraphEditor, node: Node, argument: ScalarAffine) {
  const clip =
    node.op === 'Clip'
      ? activationOf(
          node,
          new Map(
            node.inputs.flatMap((name) => {
              const constant = editor.constant(name);
              return constant ? [[name, constant] as const] : [];
            }),
          ),
        )
      : undefined;
  const { alpha: low, beta: high } = clip ?? {};
  if (low === undefined || high === undefined || !Number.isFinite(low) || !Number.isFinite(high) || high <= low)
    return undefined;
  const range = high - low;
  return { alpha: argument.scale / range, beta: (argument.shift - low) / range, range, low };
}

/** Clip(x/6 + 0.5, 0, 1), Clip(x + 3, 0, 6)/6 and the like become HardSigmoid. */
export const hardSigmoid: Pass = {
  name: 'hard-sigmoid',
  needs: [['Clip'], arithmetic],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      const [output = ''] = node.outputs;
      if (!editor.has(node) || node.epilogue || output === '') continue;
      for (const outer of affineChain(editor, output)) {
        const clip = editor.producer(outer.source);
        if (clip?.op !== 'Clip' || clip.epilogue) continue;
        const argument = affineChain(editor, clip.inputs[0]!).at(-1)!;
        const found = clipAsHardSigmoid(editor, clip, argument);
        // A clip without arithmetic around it is cheaper as it is.
        if (!found || argument.source === clip.inputs[0]) continue;
        if (!close(found.range * outer.scale, 1) || Math.abs(found.low * outer.scale + outer.shift) > 1e-6) continue;
        const { alpha, beta } = found;
        editor.replace(node, {
          op: 'HardSigmoid',
          name: node.name,
          inputs: [argument.source],
          outputs: [output],
          attributes: { alpha, beta },
        });
        break;
      }
    }
    return editor.finish();
  },
};
