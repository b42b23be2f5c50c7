import { activationOf } from '../../activations.js';
import { flagAttribute, numbersAttribute } from '../../attributes.js';
import { elementCount, numbersOf, sameShape } from '../../constant.js';
import { GraphEditor } from '../../editor.js';
import { transposeConstant } from '../../evaluate/movement.js';
import type { Activation, Attribute, Constant, Node } from '../../ir.js';
import { linearOf } from '../algebra/linear.js';
import type { Pass } from '../pass.js';
import type { Types } from './targets.js';

const reshapes = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** A layer of the gate: a matrix [out, in] and a bias. */
interface Layer {
  readonly weight: Constant;
  readonly bias: Constant;
}

/** Walks back from the gate of a squeeze-and-excitation block, one node at a time. */
class GateWalk {
  constructor(
    private readonly editor: GraphEditor,
    private readonly types: Types,
    private value: string,
    private reader: Node,
  ) {}

  /** Steps over the producer of the current value, after reshapes that keep images apart, if `accept` takes it. */
  take<T>(accept: (node: Node) => T | undefined): T | undefined {
    this.#skipReshapes();
    const node = this.editor.soleProducer(this.value, this.reader);
    const found = node && !node.epilogue ? accept(node) : undefined;
    if (node && found !== undefined) [this.value, this.reader] = [node.inputs[0]!, node];
    return found;
  }

  #skipReshapes(): void {
    for (;;) {
      const node = this.editor.soleProducer(this.value, this.reader);
      if (!node || !reshapes.has(node.op)) return;
      const [before, after] = [node.inputs[0]!, node.outputs[0]!].map((name) => this.types.get(name)?.shape[0]);
      if (before === undefined || before !== after) return;
      [this.value, this.reader] = [node.inputs[0]!, node];
    }
  }
}

/** A 1x1 convolution without groups, or a matrix product. */
function layerOf(editor: GraphEditor, node: Node): Layer | undefined {
  const linear = linearOf(editor, node);
  if (!linear || node.op === 'ConvTranspose') return undefined;
  const { shape, bias, axis, groups } = linear.weights;
  if (groups !== 1 || elementCount(shape.slice(2)) !== 1 || numbersAttribute(node, 'pads')?.some((pad) => pad !== 0))
    return undefined;
  const matrix: Constant = { type: 'float32', shape: shape.slice(0, 2), data: linear.weights.weight };
  const width = linear.outputChannels;
  return {
    weight: axis === 'oi' ? matrix : transposeConstant(matrix, [1, 0]),
    bias: { type: 'float32', shape: [width], data: bias ?? new Float32Array(width) },
  };
}

/** The mean over height and width: GlobalAveragePool, or ReduceMean over the last two of four axes. */
function pooledBy(editor: GraphEditor, node: Node): string | undefined {
  if (node.op === 'GlobalAveragePool') return node.inputs[0];
  if (node.op !== 'ReduceMean') return undefined;
  const constant = editor.constant(node.inputs[1]);
  const axes = (constant ? numbersOf(constant) : (numbersAttribute(node, 'axes') ?? [])).map((axis) =>
    axis < 0 ? axis + 4 : axis,
  );
  if (!sameShape([...axes].sort(), [2, 3])) return undefined;
  return node.inputs[0];
}

const attributesOf = (prefix: string, { kind, alpha, beta }: Activation): Record<string, Attribute> => ({
  [prefix]: kind,
  ...(alpha !== undefined && { [`${prefix}_alpha`]: alpha }),
  ...(beta !== undefined && { [`${prefix}_beta`]: beta }),
});

/** The sum of x and the product, where nothing else reads the product. */
function sumWith(editor: GraphEditor, x: string, product: Node): Node | undefined {
  const sum = editor.soleReader(product.outputs[0]!);
  return sum?.op === 'Add' && !sum.epilogue && sum.inputs.includes(x) ? sum : undefined;
}

/** x * gate(w2 * activation(w1 * mean(x))) becomes SqueezeExcite, and so does x plus that product. */
export const squeezeExcite: Pass = {
  name: 'squeeze-excite',
  needs: [['Mul'], ['GlobalAveragePool', 'ReduceMean']],
  run(graph, context) {
    const { types, constants } = context.analyze(graph);
    const editor = new GraphEditor(graph);
    const activation = (node: Node) => activationOf(node, constants);
    for (const node of editor.nodes()) {
      if (node.op !== 'Mul' || node.epilogue || !editor.has(node)) continue;
      const [a = '', b = ''] = node.inputs;
      for (const [x, gateValue] of [
        [a, b],
        [b, a],
      ] as const) {
        const shape = types.get(x)?.shape;
        const gateShape = types.get(gateValue)?.shape;
        if (shape?.length !== 4 || !gateShape || !sameShape(gateShape, [shape[0]!, shape[1]!, 1, 1])) continue;
        const walk = new GateWalk(editor, types, gateValue, node);
        const gate = walk.take(activation);
        const second = gate && walk.take((layer) => layerOf(editor, layer));
        const inner = second && (walk.take(activation) ?? { kind: 'none' as const });
        const first = inner && walk.take((layer) => layerOf(editor, layer));
        const pooled =
          first &&
          walk.take((pool) =>
            flagAttribute(pool, 'noop_with_empty_axes', false) ? undefined : pooledBy(editor, pool),
          );
        if (!gate || !second || !inner || !first || pooled !== x) continue;
        if (
          first.weight.shape[1] !== shape[1] ||
          second.weight.shape[0] !== shape[1] ||
          first.weight.shape[0] !== second.weight.shape[1]
        )
          continue;
        const layers = [first.weight, first.bias, second.weight, second.bias];
        const names = layers.map((constant, i) =>
          editor.addConstant(`${node.name}.${['w1', 'b1', 'w2', 'b2'][i]}`, constant),
        );
        const sum = sumWith(editor, x, node);
        const attributes = {
          ...attributesOf('activation', inner),
          ...attributesOf('gate', gate),
          ...(sum && { add_input: 1 }),
        };
        const { name, outputs } = sum ?? node;
        const fused: Node = { op: 'SqueezeExcite', name, inputs: [x, ...names], outputs, attributes };
        editor.replace(sum ?? node, fused, sum && [node]);
        break;
      }
    }
    return editor.finish();
  },
};
