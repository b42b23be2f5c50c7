/** Matrix products and reductions. */
import { flagAttribute, numberAttribute } from '../attributes.js';
import { elementCount, float32Of, sameShape, sizeOf } from '../constant.js';
import type { ReduceFunction, ValueIndex } from '../plan-spec.js';
import { reduceAxes } from '../shapes/linear.js';
import { type LowerInput, type LowerRule, type LowerRules, UnsupportedNode } from './builder.js';
import { Composer } from './compose.js';
import { planEpilogue } from './epilogue.js';

/** `index` with its last two axes swapped, by a step. */
function transposed(context: LowerInput, index: ValueIndex): ValueIndex {
  const { builder, node } = context;
  const { name, shape } = builder.values[index]!;
  const permutation = shape.map((_, axis) => axis);
  permutation.push(...permutation.splice(-2).reverse());
  const result = builder.extra(
    `${name}.transposed`,
    permutation.map((axis) => shape[axis]!),
  );
  builder.steps.push({
    op: 'transpose',
    name: `${node.name}.transpose`,
    inputs: [index],
    outputs: [result],
    permutation,
  });
  return result;
}

/** A vector along N from a bias of N elements or one; undefined when it is something else. */
function biasVector(context: LowerInput, index: number, width: number): Float32Array | undefined {
  const constant = context.constant(index);
  if (!constant || sizeOf(constant) !== elementCount(constant.shape.slice(-1))) return undefined;
  const data = float32Of(constant);
  if (data.length === width) return data;
  return data.length === 1 ? new Float32Array(width).fill(data[0]!) : undefined;
}

const gemm: LowerRule = (context) => {
  const { node, builder } = context;
  const alpha = numberAttribute(node, 'alpha', 1);
  const beta = numberAttribute(node, 'beta', 1);
  const width = context.outputShape()[1]!;
  const a = flagAttribute(node, 'transA', false) ? transposed(context, context.x(0)) : context.x(0);
  const hasBias = context.has(2) && beta !== 0;
  const vector = hasBias ? biasVector(context, 2, width) : undefined;
  const wide = hasBias && !vector;
  if (wide && node.epilogue)
    throw new UnsupportedNode('a bias that is not one value per column cannot have an epilogue behind it');
  const constant = (hint: string, data: Float32Array) => builder.extra(`${node.name}.${hint}`, [data.length], data);
  const plain = alpha === 1 && beta === 1;
  // alpha*(a b) + beta*c is what an epilogue's scale and shift compute.
  const factors = {
    ...(!(plain || (alpha === 1 && !vector)) && {
      scale: constant('alpha', new Float32Array(width).fill(alpha)),
      shift: constant('shift', vector ? vector.map((value) => value * beta) : new Float32Array(width)),
    }),
  };
  const own = planEpilogue(context, vector && plain ? constant('bias', vector) : undefined).epilogue;
  const epilogue = { ...own, ...factors };
  const product = wide ? builder.extra(`${node.outputs[0]}.product`, context.outputShape()) : context.y();
  builder.steps.push({
    op: 'matmul',
    name: node.name,
    inputs: [a, context.x(1)],
    outputs: [product],
    transposeB: flagAttribute(node, 'transB', false),
    ...(Object.keys(epilogue).length > 0 && { epilogue }),
  });
  if (!wide) return;
  const compose = new Composer(context);
  const bias = beta === 1 ? context.x(2) : compose.binary('mul', context.x(2), compose.scalar(beta));
  compose.binary('add', product, bias, context.y());
};

const matmul: LowerRule = (context) => {
  const { node, builder } = context;
  const a = context.input(0).shape;
  const b = context.input(1).shape;
  const vectors = a.length === 1 || b.length === 1;
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const shape = context.outputShape();
  if (vectors && node.epilogue) throw new UnsupportedNode('a product of vectors cannot have an epilogue');
  const inner = [
    ...(a.length === 1 ? [...shape.slice(0, -1), 1, ...shape.slice(-1)] : shape),
    ...(b.length === 1 ? [1] : []),
  ];
  // Both vectors: the result is a scalar, the product a 1x1 matrix.
  const matrix = a.length === 1 && b.length === 1 ? [1, 1] : inner;
  const y = vectors ? builder.extra(`${node.outputs[0]}.matrix`, matrix) : context.y();
  builder.steps.push({
    op: 'matmul',
    name: node.name,
    inputs: [builder.reshaped(context.x(0), left), builder.reshaped(context.x(1), right)],
    outputs: [y],
    transposeB: flagAttribute(node, 'transB', false),
    ...planEpilogue(context, context.has(2) ? context.x(2) : undefined),
  });
  if (vectors) builder.reshape(y, context.y());
};

const reduce =
  (fn: ReduceFunction): LowerRule =>
  (context) => {
    const { node, builder } = context;
    const { shape } = context.input(0);
    const axes = reduceAxes(context);
    if (axes.length === 0) {
      builder.reshape(context.x(), context.y());
      return;
    }
    const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const direct = sameShape(kept, context.outputShape());
    const y = direct ? context.y() : builder.extra(`${node.outputs[0]}.kept`, kept);
    const image = shape.length === 4 && axes.length === 2 && axes[0] === 2 && axes[1] === 3;
    if (image && (fn === 'mean' || fn === 'max')) {
      builder.steps.push({
        op: 'globalPool',
        name: node.name,
        inputs: [context.x()],
        outputs: [y],
        kind: fn === 'mean' ? 'avg' : 'max',
      });
    } else {
      builder.steps.push({ op: 'reduce', name: node.name, inputs: [context.x()], outputs: [y], fn, axes });
    }
    if (!direct) builder.reshape(y, context.y());
  };

export const linearLowering: LowerRules = {
  Gemm: gemm,
  MatMul: matmul,
  ReduceSum: reduce('sum'),
  ReduceMean: reduce('mean'),
  ReduceMax: reduce('max'),
  ReduceMin: reduce('min'),
  ReduceProd: reduce('prod'),
  ReduceL1: reduce('l1'),
  ReduceL2: reduce('l2'),
  ReduceSumSquare: reduce('sumSquare'),
  ReduceLogSum: reduce('logSum'),
  ReduceLogSumExp: reduce('logSumExp'),
};
