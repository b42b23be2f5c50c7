import type { ChannelAffine } from '../../../fold/algebra.js';
import { foldInParts } from '../../../fold/in-parts.js';
import type { Work } from '../../../work.js';
import { constantAttribute } from '../../attributes.js';
import { constantOf, doublesOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Node } from '../../ir.js';
import type { Pass } from '../pass.js';
import { affineOf, widen } from './affine.js';
import { linearOf, mayPad, withWeights } from './linear.js';

/**
 * What the border must hold after the fold. The convolution padded z = x*s + t with p (0 by default); padding x with
 * (p - t)/s gives the same, where s is not 0.
 */
function foldedPadValue(node: Node, { scale, shift }: ChannelAffine): Float64Array | null | undefined {
  if (!mayPad(node)) return null;
  const constant = constantAttribute(node, 'padValue');
  const old = constant ? doublesOf(constant) : new Float64Array(scale.length);
  const padValue = old.map((p, i) => (p === shift[i] ? 0 : (p - shift[i]!) / scale[i]!));
  if (!padValue.every((value) => Number.isFinite(Math.fround(value)))) return undefined;
  return padValue.every((value) => value === 0) ? null : padValue;
}

function withPadValue(node: Node, padValue: Float64Array | null): Node {
  const { padValue: _old, ...attributes } = node.attributes;
  if (!padValue) return { ...node, attributes };
  return { ...node, attributes: { ...attributes, padValue: constantOf('float32', [padValue.length], padValue) } };
}

/**
 * A channel scale before convolutions or matrix products goes into their weights, if every reader can take it; otherwise it would
 * have to be computed all the same. A convolution that pads gets a pad value per channel.
 */
export const foldScaleBefore: Pass = {
  name: 'fold-scale-before',
  needs: [['ChannelScale']],
  *run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);

    const foldInto = (reader: Node, value: string, found: ChannelAffine): (() => Work<Node>) | undefined => {
      const linear = linearOf(editor, reader);
      if (!linear || reader.inputs.lastIndexOf(value) !== 0) return undefined;
      if (linear.channelsLast && found.scale.length > 1 && types.get(value)?.shape.length !== 2) return undefined;
      // A product with a vector has no rows to fold into; a transposed one reads K along another axis.
      if (reader.op === 'Gemm' && reader.attributes['transA']) return undefined;
      // At the border of a transposed convolution fewer taps meet, so a shift is no bias there.
      if (reader.op === 'ConvTranspose' && found.shift.some((t) => t !== 0)) return undefined;
      const wide = widen(found, linear.inputChannels);
      const padValue = wide && foldedPadValue(reader, wide);
      if (!wide || padValue === undefined) return undefined;
      return function* () {
        const folded = yield* foldInParts(context.fold.foldBefore, linear.weights, wide);
        return withPadValue(withWeights(editor, linear, folded), padValue);
      };
    };

    for (const node of editor.nodes()) {
      const found = editor.has(node) ? affineOf(editor, node) : undefined;
      const [output = ''] = node.outputs;
      const readers = editor.readers(output);
      if (!found || readers.length === 0 || editor.isOutput(output)) continue;
      const folds = readers.map((reader) => foldInto(reader, output, found));
      if (!folds.every((fold) => fold !== undefined)) continue;
      const source = node.inputs[0]!;
      for (const [index, reader] of readers.entries()) {
        const folded = yield* folds[index]!();
        editor.replace(reader, { ...folded, inputs: [source, ...folded.inputs.slice(1)] });
      }
      editor.remove(node);
    }
    return editor.finish();
  },
};
