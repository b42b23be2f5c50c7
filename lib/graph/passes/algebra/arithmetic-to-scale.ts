import type { ChannelAffine } from '../../../fold/algebra.js';
import { doublesOf, sizeOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import { isFloat } from '../../element-type.js';
import type { Constant } from '../../ir.js';
import type { TensorType } from '../../shapes/rule.js';
import type { Pass } from '../pass.js';
import { affine, channelScale } from './affine.js';

/** The values of a constant that is one scalar, or one value per channel (axis 1), of what it is combined with. */
export function channelValues(constant: Constant, x: TensorType | undefined): Float64Array | undefined {
  if (!isFloat(constant.type)) return undefined;
  const { shape } = constant;
  if (sizeOf(constant) === 1) {
    // A constant of higher rank would add axes to the result.
    return shape.length <= Math.max(1, x?.shape.length ?? 0) ? doublesOf(constant) : undefined;
  }
  if (!x || shape.length > x.shape.length) return undefined;
  const channelAxis = 1 - x.shape.length + shape.length;
  const perChannel = shape.every((extent, axis) => (axis === channelAxis ? extent === x.shape[1] : extent === 1));
  return perChannel ? doublesOf(constant) : undefined;
}

/** What `x op c` and `c op x` are of x; null where it is not affine. */
const forms: Readonly<
  Record<
    string,
    readonly [right: (c: Float64Array) => ChannelAffine, left: ((c: Float64Array) => ChannelAffine) | null]
  >
> = {
  Add: [(c) => affine([1], c), (c) => affine([1], c)],
  Sub: [
    (c) =>
      affine(
        [1],
        c.map((value) => -value),
      ),
    (c) => affine([-1], c),
  ],
  Mul: [(c) => affine(c, [0]), (c) => affine(c, [0])],
  Div: [
    (c) =>
      affine(
        c.map((value) => 1 / value),
        [0],
      ),
    null,
  ],
};

/** Add, Sub, Mul and Div by a scalar or by one constant per channel become channel scales. */
export const arithmeticToScale: Pass = {
  name: 'arithmetic-to-scale',
  needs: [Object.keys(forms)],
  run(graph, context) {
    const { types } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    for (const node of graph.nodes) {
      const form = forms[node.op];
      if (!form || node.epilogue) continue;
      for (const [side, make] of form.entries()) {
        const x = node.inputs[side]!;
        const constant = editor.constant(node.inputs[1 - side]);
        const type = types.get(x);
        if (!make || !constant || editor.constant(x) || (type && !isFloat(type.type))) continue;
        const values = channelValues(constant, type);
        if (!values) continue;
        const found = make(values);
        // Division by zero belongs to the run, where it gives what the reference gives.
        if (!found.scale.every(Number.isFinite)) continue;
        editor.replace(node, channelScale(editor, node, x, found));
        break;
      }
    }
    return editor.finish();
  },
};
