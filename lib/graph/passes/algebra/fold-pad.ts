import { flagAttribute, numberAttribute, numbersAttribute, stringAttribute } from '../../attributes.js';
import { constantOf, numbersOf } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import type { Attribute, Node } from '../../ir.js';
import type { Pass } from '../pass.js';

interface Padding {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly value: number;
}

/** A Pad that adds a constant around the spatial axes and nothing else. */
function spatialPadding(editor: GraphEditor, node: Node | undefined): Padding | undefined {
  if (node?.op !== 'Pad' || node.inputs[3] || stringAttribute(node, 'mode', 'constant') !== 'constant')
    return undefined;
  const constant = editor.constant(node.inputs[1]);
  const value = node.inputs[2] ? editor.scalar(node.inputs[2]) : 0;
  if (!constant || value === undefined) return undefined;
  const pads = numbersOf(constant);
  const rank = pads.length / 2;
  const outer = [pads[0], pads[1], pads[rank], pads[rank + 1]];
  if (rank < 3 || outer.some((pad) => pad !== 0) || pads.some((pad) => pad < 0)) return undefined;
  return { begins: pads.slice(2, rank), ends: pads.slice(rank + 2), value };
}

/** Attributes that make a node pad by itself; undefined where that would not be the same. */
type Take = (
  editor: GraphEditor,
  node: Node,
  padding: Padding,
  source: Node | undefined,
) => Record<string, Attribute> | undefined;

const isZero = (value: number): boolean => value === 0;
const nonNegative = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Abs', 'Sqrt', 'Exp', 'Softmax']);

const takes: Readonly<Record<string, Take>> = {
  Conv: (editor, node, { value }) => {
    const own = numbersAttribute(node, 'pads') ?? [];
    const constant = node.attributes['padValue'];
    if (value === 0) return constant && !own.every(isZero) ? undefined : {};
    const weight = editor.constant(node.inputs[1]);
    // Two borders of different values do not make one.
    if (!own.every(isZero) || !weight) return undefined;
    const channels = weight.shape[1]! * numberAttribute(node, 'group', 1);
    return { padValue: constantOf('float32', [channels], new Float64Array(channels).fill(value)) };
  },
  AveragePool: (_editor, node, { value }) => {
    const own = numbersAttribute(node, 'pads') ?? [];
    const counts = flagAttribute(node, 'count_include_pad', false);
    if (value !== 0 || flagAttribute(node, 'ceil_mode', false) || !(counts || own.every(isZero))) return undefined;
    return { count_include_pad: 1 };
  },
  MaxPool: (_editor, node, { begins, ends, value }, source) => {
    const kernel = numbersAttribute(node, 'kernel_shape') ?? [];
    // A pool's own border never wins, so the value must lose against everything in every window.
    const loses =
      value === Number.NEGATIVE_INFINITY || (value === 0 && source !== undefined && nonNegative.has(source.op));
    const covered = kernel.some((extent, axis) => begins[axis]! >= extent || ends[axis]! >= extent);
    const dilated = numbersAttribute(node, 'dilations')?.some((dilation) => dilation !== 1) ?? false;
    return !loses || covered || dilated || flagAttribute(node, 'ceil_mode', false) ? undefined : {};
  },
};

/** A Pad of the spatial axes goes into the convolution or pool behind it. */
export const foldPad: Pass = {
  name: 'fold-pad',
  needs: [['Pad'], Object.keys(takes)],
  run(graph) {
    const editor = new GraphEditor(graph);
    for (const node of editor.nodes()) {
      const take = takes[node.op];
      if (!take || !editor.has(node)) continue;
      const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
      const pad = editor.soleProducer(node.inputs[0], node);
      const padding = spatialPadding(editor, pad);
      if (!pad || !padding || (auto !== 'NOTSET' && auto !== 'VALID')) continue;
      const rank = padding.begins.length;
      const own = auto === 'VALID' ? undefined : numbersAttribute(node, 'pads');
      const bare: Node = {
        ...node,
        attributes: { ...node.attributes, auto_pad: 'NOTSET', pads: own ?? new Array<number>(2 * rank).fill(0) },
      };
      const [source = ''] = pad.inputs;
      const changed = take(editor, bare, padding, editor.producer(source));
      if (!changed) continue;
      const pads = [...padding.begins, ...padding.ends].map((extra, i) => extra + (own?.[i] ?? 0));
      const inputs = [source, ...node.inputs.slice(1)];
      editor.replace(node, { ...node, inputs, attributes: { ...bare.attributes, ...changed, pads } }, [pad]);
    }
    return editor.finish();
  },
};
