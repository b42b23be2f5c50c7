/** Analyses of graphs that share nodes: what is remembered of a node holds for the operands it was found for. */
import test from 'ava';
import { analyze } from '#lib/graph/analysis.js';
import { int64Vector } from '#lib/graph/constant.js';
import { GraphEditor } from '#lib/graph/editor.js';
import type { Dim, Graph, Node } from '#lib/graph/ir.js';
import { defaultLimits } from '#lib/limits.js';

const node = (op: string, name: string, inputs: string[], outputs: string[]): Node => ({
  op,
  name,
  inputs,
  outputs,
  attributes: {},
});

const nodes = [
  node('Relu', 'relu', ['x'], ['a']),
  node('Reshape', 'reshape', ['a', 'shape'], ['b']),
  node('Sigmoid', 'sigmoid', ['b'], ['c']),
  node('Add', 'add', ['b', 'c'], ['y']),
];

const graphOf = (shape: readonly Dim[], target: readonly number[]): Graph => ({
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', shape }],
  outputs: [{ name: 'y', type: 'float32', shape: [] }],
  nodes,
  constants: new Map([['shape', int64Vector(target)]]),
});

const shapeOfY = (graph: Graph, limits = defaultLimits) => analyze(graph, { strict: true, limits }).types.get('y');

test('nodes of another graph follow its inputs and constants', (t) => {
  t.deepEqual(shapeOfY(graphOf([2, 6], [3, 4]))?.shape, [3, 4]);
  t.deepEqual(shapeOfY(graphOf([2, 6], [4, 3]))?.shape, [4, 3]);
  t.deepEqual(shapeOfY(graphOf([2, 8], [4, -1]))?.shape, [4, 4]);
  t.deepEqual(shapeOfY(graphOf(['N', 8], [4, -1]))?.shape, [4, Number.NaN]);
  t.deepEqual(shapeOfY(graphOf([3, 8], [4, -1]))?.shape, [4, 6]);
  t.throws(() => shapeOfY(graphOf([2, 6], [5, 5])), { code: 'ERR_MODEL_FORMAT' });
});

test('a type other than before is noticed', (t) => {
  const graph = graphOf([2, 6], [3, 4]);
  t.is(shapeOfY(graph)?.type, 'float32');
  t.is(shapeOfY({ ...graph, inputs: [{ name: 'x', type: 'float64', shape: [2, 6] }] })?.type, 'float64');
});

test('limits hold for nodes that were looked at with others', (t) => {
  const graph = graphOf([2, 6], [3, 4]);
  t.truthy(shapeOfY(graph));
  t.throws(() => shapeOfY(graph, { ...defaultLimits, maxTensorElements: 11 }), { code: 'ERR_LIMIT' });
  t.throws(() => shapeOfY(graph, { ...defaultLimits, maxExtent: 3 }), { code: 'ERR_LIMIT' });
});

test('what has not changed is not found again', (t) => {
  const graph = graphOf([2, 6], [3, 4]);
  const first = shapeOfY(graph);
  t.is(shapeOfY({ ...graph, inputs: [{ name: 'x', type: 'float32', shape: [2, 6] }] }), first);
});

test('an editor finds in the graph that another one has made what it would find in a copy', (t) => {
  const editor = new GraphEditor(graphOf([2, 6], [3, 4]));
  const [relu, , sigmoid, add] = nodes as [Node, Node, Node, Node];
  const value = editor.freshName('c');
  t.is(value, 'c_1');
  editor.replace(sigmoid, [{ ...sigmoid, outputs: [value] }, node('Neg', editor.freshName('sigmoid'), [value], ['c'])]);
  editor.bypass(relu, 'x');
  const graph = editor.finish();
  const [next, copy] = [new GraphEditor(graph), new GraphEditor({ ...graph })];
  t.deepEqual(next.nodes(), copy.nodes());
  for (const name of ['x', 'a', 'b', 'c', 'c_1', 'y']) {
    t.is(next.producer(name), copy.producer(name), name);
    // In whatever order.
    t.is(next.readers(name).length, copy.readers(name).length, name);
    for (const reader of copy.readers(name)) t.true(next.readers(name).includes(reader), name);
  }
  // Free again, or taken, alike.
  for (const hint of ['a', 'c', 'relu', 'sigmoid']) t.is(next.freshName(hint), copy.freshName(hint), hint);
  next.replace(add, { ...add, op: 'Mul', name: 'mul' });
  t.is(next.freshName('mul'), 'mul_1');
  t.is(next.finish().nodes.at(-1)!.op, 'Mul');
  t.is(graph.nodes.at(-1)!.op, 'Add');
});

test('constants that an editor adds are not those of the graph before', (t) => {
  const graph = graphOf([2, 6], [3, 4]);
  const editor = new GraphEditor(graph);
  const name = editor.addConstant('shape', int64Vector([4, 3]));
  editor.replace(nodes[1]!, { ...nodes[1]!, inputs: ['a', name] });
  editor.dropConstant('shape');
  t.deepEqual([...editor.finish().constants.keys()], [name]);
  t.deepEqual([...graph.constants.keys()], ['shape']);
});
