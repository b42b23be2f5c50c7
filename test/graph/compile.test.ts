/** Binding input shapes, sharing weights between plans, and the OCR networks. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { ModelProtoSchema } from 'onnx-buf';
import { compileForShapes, simplifyGraph } from '#lib/graph/compile.js';
import { planCost } from '#lib/graph/cost.js';
import { readModel } from '#lib/onnx/read.js';
import { relativeDifference, runOnnxruntime } from '../support/check-model.js';
import { type OcrModel, ocrModelBytes } from '../support/ocr-models.js';
import { buildModel, ints, type ModelSpec, random } from '../support/onnx-builder.js';
import { runPlan } from '../support/reference.js';
import { referenceAlgebra } from '../support/weight-algebra.js';

const fold = referenceAlgebra;

const flexible: ModelSpec = {
  inputs: { x: ['n', 4, 's', 's'], z: ['n', 8] },
  constants: { w: random([8, 4, 3, 3], 1), shape: ints(0, -1) },
  nodes: [
    { op: 'Conv', name: 'conv', inputs: ['x', 'w'], outputs: ['c'] },
    { op: 'GlobalAveragePool', name: 'pool', inputs: ['c'], outputs: ['p'] },
    { op: 'Reshape', name: 'flat', inputs: ['p', 'shape'], outputs: ['f'] },
    { op: 'Add', name: 'sum', inputs: ['f', 'z'], outputs: ['y'] },
  ],
  outputs: ['y'],
};

const wrongShapes: [title: string, shapes: Record<string, number[]>, message: RegExp][] = [
  ['an unknown input', { q: [1] }, /no input 'q' \(inputs: x, z\)/],
  ['a missing extent', { z: [1, 8] }, /input 'x' must have shape \[n, 4, s, s\], but the extent 'n' is not given/],
  ['another rank', { x: [1, 4, 5], z: [1, 8] }, /input 'x' must have shape \[n, 4, s, s\], got \[1, 4, 5\]/],
  ['a fixed extent', { x: [1, 3, 5, 5], z: [1, 8] }, /got \[1, 3, 5, 5\]/],
  ['one name, two extents', { x: [1, 4, 5, 6], z: [1, 8] }, /'s' is 5 in input 'x' but 6/],
  ['one name in two inputs', { x: [1, 4, 5, 5], z: [2, 8] }, /'n' is 1 in input 'x' but 2 in input 'z'/],
  ['a negative extent', { x: [-1, 4, 5, 5], z: [-1, 8] }, /got \[-1, 4, 5, 5\]/],
  ['a fraction', { x: [1, 4, 5.5, 5.5], z: [1, 8] }, /got \[1, 4, 5.5, 5.5\]/],
  [
    'too small for a kernel',
    { x: [1, 4, 2, 2], z: [1, 8] },
    /node 'conv' \(Conv\): a kernel \[3,3\].* does not fit into \[2,2\]/,
  ],
];
for (const [title, shapes, message] of wrongShapes) {
  test(`shapes: ${title}`, (t) => {
    t.throws(() => compileForShapes(readModel(buildModel(flexible)), shapes, { fold }), {
      instanceOf: RangeError,
      message,
    });
  });
}

test("shapes that cannot fit whatever the caller does are the file's fault", (t) => {
  const graph = readModel(buildModel({ ...flexible, inputs: { x: [1, 4, 5, 5], z: [1, 9] } }));
  t.throws(() => compileForShapes(graph, {}, { fold }), {
    code: 'ERR_MODEL_FORMAT',
    message: /node 'sum' \(Add\): extents 8 and 9/,
  });
});

const networks: { model: OcrModel; shapes: number[][]; outputs: number[][]; scales: number; blocks: number }[] = [
  {
    model: 'det',
    shapes: [
      [1, 3, 640, 640],
      [1, 3, 96, 320],
    ],
    outputs: [
      [1, 1, 640, 640],
      [1, 1, 96, 320],
    ],
    scales: 1,
    blocks: 10,
  },
  {
    model: 'rec',
    shapes: [
      [1, 3, 48, 320],
      [2, 3, 48, 100],
    ],
    outputs: [
      [1, 40, 6625],
      [2, 12, 6625],
    ],
    scales: 5,
    blocks: 2,
  },
  {
    model: 'cls',
    shapes: [
      [1, 3, 48, 192],
      [6, 3, 48, 192],
    ],
    outputs: [
      [1, 2],
      [6, 2],
    ],
    scales: 0,
    blocks: 9,
  },
];
for (const { model, shapes, outputs, scales, blocks } of networks) {
  test(`${model} compiles for several shapes that share their weights`, (t) => {
    const { graph, report } = simplifyGraph(readModel(ocrModelBytes(model)), { fold });
    t.is(graph.nodes.filter(({ op }) => op === 'BatchNormalization').length, 0);
    const plans = shapes.map((x) => compileForShapes(graph, { x }, { fold, before: report }));
    for (const [i, { plan, outputs: results, report: total, graph: fused }] of plans.entries()) {
      t.deepEqual([...results[0]!.shape], outputs[i]!);
      t.is(total.nodesAfter, fused.nodes.length);
      t.is(plan.steps.filter(({ op }) => op === 'scale').length, scales);
      t.is(plan.steps.filter(({ op }) => op === 'squeezeExcite').length, blocks);
      t.is(
        plan.values.every(({ shape }) => shape.every((extent) => Number.isInteger(extent) && extent > 0)),
        true,
      );
    }
    const [first, second] = plans.map(({ plan }) => plan.values.filter(({ data }) => data));
    const known = new Set(second!.map(({ data }) => data));
    // What is not shared may only be small: constants that hang on the shapes.
    t.true(
      first!
        .filter(({ data }) => !known.has(data))
        .every(({ data }) => ArrayBuffer.isView(data) && data.byteLength < 64),
    );
  });
}

test('cls: all 35 batch normalisations fold', (t) => {
  const graph = readModel(ocrModelBytes('cls'));
  t.is(graph.nodes.filter(({ op }) => op === 'BatchNormalization').length, 35);
  const { graph: simple, report } = simplifyGraph(graph, { fold });
  t.is(report.removed['fold-scale-after'], 35);
  t.is(simple.nodes.filter(({ op }) => op === 'ChannelScale').length, 0);
  t.is(simple.nodes.filter(({ op }) => op === 'Conv').length, 53);
});

/** A random picture holds no text, so behind det's sigmoid there would be nothing to compare. */
function withoutSigmoid(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { node, output } = model.graph!;
  const last = node.findIndex(({ opType, output: [name] }) => opType === 'Sigmoid' && name === output[0]!.name);
  if (last < 0) return bytes;
  output[0]!.name = node[last]!.input[0]!;
  node.splice(last, 1);
  return toBinary(ModelProtoSchema, model);
}

// Small pictures: the reference takes its time.
const pictures: [model: OcrModel, shape: number[], tolerance: number][] = [
  ['cls', [1, 3, 48, 96], 1e-5],
  ['rec', [1, 3, 48, 16], 1e-5],
  ['det', [1, 3, 64, 64], 1e-5],
];
for (const [model, shape, tolerance] of pictures) {
  test(`${model}: same answer as onnxruntime`, async (t) => {
    const bytes = withoutSigmoid(ocrModelBytes(model));
    const x = random(shape, 5);
    const expected = await runOnnxruntime(bytes, { x });
    const { graph } = simplifyGraph(readModel(bytes), { fold });
    const { plan } = compileForShapes(graph, { x: x.shape }, { fold });
    const [actual] = runPlan(plan, [x.data]);
    const difference = relativeDifference(actual!.data, Object.values(expected)[0]!.data);
    t.true(difference < tolerance, `differs by ${difference}`);
    t.log(`largest relative difference ${difference.toExponential(1)}`);
  });
}

test('cost counts multiply-accumulates of convolutions and products', (t) => {
  const graph = readModel(
    buildModel({
      inputs: { x: [2, 4, 8, 8] },
      constants: { w: random([6, 2, 3, 3], 1), v: random([6, 3], 2), shape: ints(2, 6) },
      nodes: [
        {
          op: 'Conv',
          inputs: ['x', 'w'],
          outputs: ['c'],
          attributes: { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] },
        },
        { op: 'GlobalAveragePool', inputs: ['c'], outputs: ['p'] },
        { op: 'Reshape', inputs: ['p', 'shape'], outputs: ['f'] },
        { op: 'MatMul', inputs: ['f', 'v'], outputs: ['y'] },
      ],
      outputs: ['y'],
    }),
  );
  const { plan } = compileForShapes(graph, {}, { fold });
  t.deepEqual(planCost(plan), { macs: 2 * 6 * 4 * 4 * 2 * 9 + 2 * 3 * 6, parameters: 6 * 2 * 9 + 18 });
});
