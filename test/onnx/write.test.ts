/** Writing: every operator and epilogue beyond ONNX as standard nodes, and what else a file holds. Numbers are onnxruntime's. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import * as ort from 'onnxruntime-node';
import { LanewiseError } from '#lib/errors.js';
import { compileForShapes, simplifyGraph } from '#lib/graph/compile.js';
import type { Constant, Graph, Node } from '#lib/graph/ir.js';
import { toStandard } from '#lib/onnx/expand/index.js';
import { parseModel } from '#lib/onnx/parse.js';
import { readModel } from '#lib/onnx/read.js';
import { WRITTEN_OPSET, writeModel } from '#lib/onnx/write.js';
import { relativeDifference, runOnnxruntime } from '../support/check-model.js';
import { buildModel, float, floats, ints, type ModelSpec, random, scalar, uniform } from '../support/onnx-builder.js';
import { referenceAlgebra } from '../support/weight-algebra.js';

const channels = (count: number, seed: number) => uniform([count], seed, 0.5, 1.5);

/** Batch normalisation of `count` channels, as a node and its constants. */
const norm = (x: string, y: string, count: number) => ({
  constants: Object.fromEntries(['g', 'b', 'm', 'v'].map((name, i) => [`${y}.${name}`, channels(count, i + 3)])),
  node: {
    op: 'BatchNormalization',
    inputs: [x, `${y}.g`, `${y}.b`, `${y}.m`, `${y}.v`],
    outputs: [y],
  },
});

interface Case {
  readonly spec: ModelSpec;
  /** The nodes expected, with the operators and parts of an epilogue each stands for. */
  readonly ops: readonly string[];
  /** What the compiled graph must hold for the case to be one. */
  readonly holds: (node: Node) => unknown;
}

const imageInput = { x: [2, 4, 5, 6] };
const conv = { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attributes: { pads: [1, 1, 1, 1] } };
const w = random([4, 4, 3, 3], 1);
const before = norm('x', 'n', 4);

const cases: Record<string, Case> = {
  'an activation, and a residual after it': {
    spec: {
      inputs: imageInput,
      constants: { w },
      nodes: [
        conv,
        { op: 'LeakyRelu', inputs: ['c'], outputs: ['a'], attributes: { alpha: 0.2 } },
        { op: 'Add', inputs: ['a', 'x'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Conv', 'LeakyRelu', 'Add'],
    holds: ({ epilogue }) => epilogue?.addAfterActivation,
  },
  'a residual, an activation and a gate': {
    spec: {
      inputs: { ...imageInput, r: [2, 4, 5, 6], g: [2, 4, 1, 1] },
      constants: { w },
      nodes: [
        conv,
        { op: 'Add', inputs: ['c', 'r'], outputs: ['s'] },
        { op: 'Tanh', inputs: ['s'], outputs: ['a'] },
        { op: 'Mul', inputs: ['a', 'g'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Conv', 'Add', 'Tanh', 'Mul'],
    holds: ({ epilogue }) => epilogue?.gate && epilogue.residual,
  },
  'slopes per channel': {
    spec: {
      inputs: imageInput,
      constants: { w, slope: random([4, 1, 1], 2) },
      nodes: [conv, { op: 'PRelu', inputs: ['c', 'slope'], outputs: ['y'] }],
      outputs: ['y'],
    },
    ops: ['Conv', 'PRelu'],
    holds: ({ epilogue }) => epilogue?.activation?.slope,
  },
  'a clip with one bound': {
    spec: {
      inputs: imageInput,
      constants: { w, low: scalar(-0.25) },
      nodes: [conv, { op: 'Clip', inputs: ['c', 'low'], outputs: ['y'] }],
      outputs: ['y'],
    },
    ops: ['Conv', 'Clip'],
    holds: ({ epilogue }) => epilogue?.activation?.kind === 'clip',
  },
  'a SiLU': {
    spec: {
      inputs: imageInput,
      constants: {},
      nodes: [
        { op: 'Sigmoid', inputs: ['x'], outputs: ['s'] },
        { op: 'Mul', inputs: ['x', 's'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Sigmoid', 'Mul'],
    holds: ({ op }) => op === 'Silu',
  },
  'a hard swish with the parameters of the standard': {
    spec: {
      inputs: imageInput,
      nodes: [
        { op: 'HardSigmoid', inputs: ['x'], outputs: ['s'], attributes: { alpha: 1 / 6, beta: 0.5 } },
        { op: 'Mul', inputs: ['x', 's'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['HardSwish'],
    holds: ({ op }) => op === 'HardSwish',
  },
  'a hard swish with others': {
    spec: {
      inputs: imageInput,
      nodes: [
        { op: 'HardSigmoid', inputs: ['x'], outputs: ['s'], attributes: { alpha: 0.4, beta: 0.25 } },
        { op: 'Mul', inputs: ['s', 'x'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['HardSigmoid', 'Mul'],
    holds: ({ op }) => op === 'HardSwish',
  },
  'a scale and shift per channel': {
    spec: { inputs: imageInput, constants: before.constants, nodes: [before.node], outputs: ['n'] },
    ops: ['BatchNormalization'],
    holds: ({ op }) => op === 'ChannelScale',
  },
  'a shift per channel': {
    spec: {
      inputs: imageInput,
      constants: { b: random([1, 4, 1, 1], 5) },
      nodes: [{ op: 'Add', inputs: ['x', 'b'], outputs: ['y'] }],
      outputs: ['y'],
    },
    ops: ['Add'],
    holds: ({ op }) => op === 'ChannelScale',
  },
  'one scale and shift': {
    spec: {
      inputs: { x: [3, 5] },
      constants: { a: scalar(3), b: scalar(0.5) },
      nodes: [
        { op: 'Mul', inputs: ['x', 'a'], outputs: ['m'] },
        { op: 'Add', inputs: ['m', 'b'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Mul', 'Add'],
    holds: ({ op }) => op === 'ChannelScale',
  },
  'a border per channel': {
    spec: {
      inputs: imageInput,
      constants: { ...before.constants, w: random([6, 2, 3, 3], 4), b: random([6], 8) },
      nodes: [
        before.node,
        { op: 'Conv', inputs: ['n', 'w', 'b'], outputs: ['y'], attributes: { group: 2, pads: [1, 0, 2, 1] } },
      ],
      outputs: ['y'],
    },
    ops: ['Add', 'Conv'],
    holds: ({ attributes }) => attributes['padValue'],
  },
  'a border of one value': {
    spec: {
      inputs: imageInput,
      constants: { w, pads: ints(0, 0, 1, 2, 0, 0, 0, 1), value: scalar(2.5) },
      nodes: [
        { op: 'Pad', inputs: ['x', 'pads', 'value'], outputs: ['p'] },
        { op: 'Conv', inputs: ['p', 'w'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Pad', 'Conv'],
    holds: ({ attributes }) => attributes['padValue'],
  },
  'a product of matrices with a bias': {
    spec: {
      inputs: { x: [3, 5] },
      constants: { w: random([5, 4], 1), b: random([4], 2) },
      nodes: [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['m'] },
        { op: 'Add', inputs: ['m', 'b'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Gemm'],
    holds: ({ op, inputs }) => op === 'MatMul' && inputs[2],
  },
  'a product of higher rank with a bias': {
    spec: {
      inputs: { x: [2, 3, 5] },
      constants: { w: random([5, 4], 1), b: random([4], 2) },
      nodes: [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['m'] },
        { op: 'Add', inputs: ['m', 'b'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['MatMul', 'Add'],
    holds: ({ op, inputs }) => op === 'MatMul' && inputs[2],
  },
  'a transposed right side': {
    spec: {
      inputs: { x: [2, 3, 5], k: [2, 4, 5] },
      nodes: [
        { op: 'Transpose', inputs: ['k'], outputs: ['t'], attributes: { perm: [0, 2, 1] } },
        { op: 'MatMul', inputs: ['x', 't'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Transpose', 'MatMul'],
    holds: ({ attributes }) => attributes['transB'],
  },
  'a channel shuffle': {
    spec: {
      inputs: { x: [2, 6, 3, 4] },
      constants: { a: ints(2, 3, 2, 3, 4), b: ints(2, 6, 3, 4) },
      nodes: [
        { op: 'Reshape', inputs: ['x', 'a'], outputs: ['r'] },
        { op: 'Transpose', inputs: ['r'], outputs: ['t'], attributes: { perm: [0, 2, 1, 3, 4] } },
        { op: 'Reshape', inputs: ['t', 'b'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['Reshape', 'Transpose', 'Reshape'],
    holds: ({ op }) => op === 'ChannelShuffle',
  },
  'squeeze and excitation': {
    spec: {
      inputs: imageInput,
      constants: {
        w1: random([2, 4, 1, 1], 1),
        b1: random([2], 2),
        w2: random([4, 2, 1, 1], 3),
        b2: random([4], 4),
      },
      nodes: [
        { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
        { op: 'Conv', inputs: ['p', 'w1', 'b1'], outputs: ['c1'] },
        { op: 'LeakyRelu', inputs: ['c1'], outputs: ['a'], attributes: { alpha: 0.3 } },
        { op: 'Conv', inputs: ['a', 'w2', 'b2'], outputs: ['c2'] },
        { op: 'HardSigmoid', inputs: ['c2'], outputs: ['g'], attributes: { alpha: 0.3, beta: 0.4 } },
        { op: 'Mul', inputs: ['x', 'g'], outputs: ['m'] },
        { op: 'Add', inputs: ['m', 'x'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['GlobalAveragePool', 'Conv', 'LeakyRelu', 'Conv', 'HardSigmoid', 'Mul', 'Add'],
    holds: ({ op, attributes }) => op === 'SqueezeExcite' && attributes.add_input === 1,
  },
  'layer normalisation without a scale': {
    spec: {
      inputs: { x: [2, 3, 5] },
      constants: { axes: ints(-1), two: scalar(2), e: scalar(1e-5) },
      opset: 18,
      nodes: [
        { op: 'ReduceMean', inputs: ['x', 'axes'], outputs: ['mean'] },
        { op: 'Sub', inputs: ['x', 'mean'], outputs: ['d'] },
        { op: 'Pow', inputs: ['d', 'two'], outputs: ['q'] },
        { op: 'ReduceMean', inputs: ['q', 'axes'], outputs: ['v'] },
        { op: 'Add', inputs: ['v', 'e'], outputs: ['ve'] },
        { op: 'Sqrt', inputs: ['ve'], outputs: ['s'] },
        { op: 'Div', inputs: ['d', 's'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    ops: ['LayerNormalization'],
    holds: ({ op, inputs }) => op === 'LayerNormalization' && inputs.length === 1,
  },
  'a softmax of old over several axes': {
    spec: {
      inputs: { x: [2, 3, 4] },
      nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: { axis: 1 } }],
      outputs: ['y'],
      opset: 11,
    },
    ops: ['Shape', 'Flatten', 'Softmax', 'Reshape'],
    holds: ({ attributes }) => attributes['flatten'],
  },
  'a split into equal parts': {
    spec: {
      inputs: { x: [2, 6] },
      nodes: [{ op: 'Split', inputs: ['x'], outputs: ['a', 'b', 'c'], attributes: { axis: 1 } }],
      outputs: ['a', 'b', 'c'],
      opset: 11,
    },
    ops: ['Split'],
    holds: ({ op }) => op === 'Split',
  },
};

for (const [name, { spec, ops, holds }] of Object.entries(cases)) {
  test(name, async (t) => {
    const bytes = buildModel(spec);
    const origin = parseModel(bytes);
    const shapes = spec.inputs as Readonly<Record<string, number[]>>;
    const { graph } = compileForShapes(readModel(bytes), shapes, { fold: referenceAlgebra });
    t.truthy(graph.nodes.find(holds), 'the case is one');
    const written = writeModel(graph, origin);
    const model = parseModel(written.bytes);
    t.deepEqual(
      model.graph!.node.map(({ opType }) => opType),
      ops,
    );
    t.is(written.nodes, ops.length);
    t.is(model.opsetImport[0]!.version, WRITTEN_OPSET);
    const feeds = Object.fromEntries(Object.entries(shapes).map(([input, shape], i) => [input, random(shape, i + 7)]));
    const expected = await runOnnxruntime(bytes, feeds);
    const actual = await runOnnxruntime(written.bytes, feeds);
    for (const output of spec.outputs) {
      t.deepEqual(actual[output]!.dims, expected[output]!.dims);
      const difference = relativeDifference(actual[output]!.data, expected[output]!.data);
      t.true(difference < 5e-6, `${output} differs by ${difference}`);
    }
  });
}

const base: ModelSpec = {
  inputs: { x: ['batch', 4] },
  constants: { w: random([4, 3], 1) },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['m'] },
    { op: 'Relu', name: 'relu', inputs: ['m'], outputs: ['y'] },
  ],
  outputs: ['y'],
};

function rewritten(spec: ModelSpec, change: (model: ModelProto) => void = () => undefined): ModelProto {
  const model = fromBinary(ModelProtoSchema, buildModel(spec));
  change(model);
  const bytes = toBinary(ModelProtoSchema, model);
  return parseModel(writeModel(readModel(bytes), parseModel(bytes)).bytes);
}

test('what a graph does not know survives', (t) => {
  const entry = create(StringStringEntryProtoSchema, { key: 'author', value: 'somebody' });
  const unknown = [{ no: 9999, wireType: 0, data: Uint8Array.of(42) }];
  const model = rewritten(base, (m) => {
    Object.assign(m, {
      producerName: 'trainer',
      producerVersion: '7.1',
      domain: 'org.example',
      modelVersion: 12n,
      docString: 'a model',
      metadataProps: [entry],
      $unknown: unknown,
    });
    m.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'org.example', version: 3n }));
    m.functions.push(create(FunctionProtoSchema, { name: 'f', domain: 'org.example' }));
    Object.assign(m.graph!, {
      name: 'graph of theirs',
      docString: 'a graph',
      metadataProps: [entry],
      $unknown: unknown,
    });
    Object.assign(m.graph!.node[0]!, { docString: 'a node', metadataProps: [entry], $unknown: unknown });
    Object.assign(m.graph!.input[0]!, { docString: 'an input' });
    Object.assign(m.graph!.output[0]!, { docString: 'an output' });
    Object.assign(m.graph!.initializer[0]!, { docString: 'a weight' });
    m.graph!.valueInfo.push(create(ValueInfoProtoSchema, { name: 'm', docString: 'inside' }));
    m.graph!.valueInfo.push(create(ValueInfoProtoSchema, { name: 'gone' }));
  });
  t.like(model, {
    producerName: 'trainer',
    producerVersion: '7.1',
    domain: 'org.example',
    modelVersion: 12n,
    docString: 'a model',
  });
  t.deepEqual(
    [model, model.graph!, model.graph!.node[0]!].map(({ metadataProps }) => metadataProps.map(({ key }) => key)),
    [['author'], ['author'], ['author']],
  );
  t.deepEqual(
    [model, model.graph!, model.graph!.node[0]!].map(({ $unknown }) => $unknown?.[0]?.no),
    [9999, 9999, 9999],
  );
  t.deepEqual(
    model.opsetImport.map(({ domain, version }) => [domain, version]),
    [
      ['', WRITTEN_OPSET],
      ['org.example', 3n],
    ],
  );
  t.is(model.functions[0]!.name, 'f');
  t.is(model.graph!.name, 'graph of theirs');
  t.deepEqual(
    model.graph!.node.map(({ name }) => name),
    ['product', 'relu'],
  );
  t.is(model.graph!.node[0]!.docString, 'a node');
  t.is(model.graph!.initializer[0]!.docString, 'a weight');
  t.deepEqual(
    model.graph!.valueInfo.map(({ name, docString }) => [name, docString]),
    [['m', 'inside']],
  );
  const [input] = model.graph!.input;
  t.is(input!.docString, 'an input');
  const dims = input!.type!.value.case === 'tensorType' ? input!.type!.value.value.shape!.dim : [];
  t.deepEqual(
    dims.map(({ value }) => value.value),
    ['batch', 4n],
  );
});

test('operators nobody here knows pass through with their attributes', (t) => {
  const big = 2n ** 60n + 1n;
  const model = rewritten(
    {
      ...base,
      nodes: [
        {
          op: 'Twist',
          name: 'twist',
          domain: 'org.example',
          inputs: ['x', '', 'w'],
          outputs: ['t', ''],
          attributes: { one: float(1), many: [1, 2], word: 'so', tensor: floats([2], [3, 4]) },
        },
        { op: 'Relu', inputs: ['t'], outputs: ['y'] },
      ],
    },
    (m) => {
      m.graph!.node[0]!.attribute.push(
        create(AttributeProtoSchema, { name: 'big', type: Kind.INT, i: big }),
        create(AttributeProtoSchema, { name: 'floats', type: Kind.FLOATS, floats: [1, 2] }),
        create(AttributeProtoSchema, { name: 'type', type: Kind.TYPE_PROTO, docString: 'of no kind a graph holds' }),
      );
    },
  );
  const [node] = model.graph!.node;
  t.like(node, { domain: 'org.example', opType: 'Twist', name: 'twist', input: ['x', '', 'w'], output: ['t', ''] });
  const attributes = new Map(node!.attribute.map((attribute) => [attribute.name, attribute]));
  t.like(attributes.get('one'), { type: Kind.FLOAT, f: 1 });
  t.deepEqual(attributes.get('many')!.ints, [1n, 2n]);
  t.is(new TextDecoder().decode(attributes.get('word')!.s), 'so');
  t.deepEqual(new Float32Array(attributes.get('tensor')!.t!.rawData.slice().buffer), Float32Array.of(3, 4));
  t.is(attributes.get('big')!.i, big);
  t.like(attributes.get('floats'), { type: Kind.FLOATS, floats: [1, 2] });
  t.is(attributes.get('type')!.docString, 'of no kind a graph holds');
});

test('an If keeps its branches, lifted like the rest', async (t) => {
  const body = (name: string, op: string) =>
    create(GraphProtoSchema, {
      name,
      node: [
        create(NodeProtoSchema, { opType: op, input: ['x'], output: [`${name}.y`] }),
        // Over all axes from the first on, in this operator set.
        create(NodeProtoSchema, { opType: 'Softmax', input: [`${name}.y`], output: [`${name}.z`] }),
      ],
      output: [create(ValueInfoProtoSchema, { name: `${name}.z` })],
    });
  const spec: ModelSpec = {
    inputs: { x: [2, 3, 4], s: [1] },
    constants: { zero: floats([1], [0]) },
    nodes: [
      { op: 'Greater', inputs: ['s', 'zero'], outputs: ['c'] },
      { op: 'If', name: 'choice', inputs: ['c'], outputs: ['y'] },
    ],
    outputs: ['y'],
    opset: 12,
  };
  const original = fromBinary(ModelProtoSchema, buildModel(spec));
  original.graph!.node[1]!.attribute.push(
    create(AttributeProtoSchema, { name: 'then_branch', type: Kind.GRAPH, g: body('then', 'Abs') }),
    create(AttributeProtoSchema, { name: 'else_branch', type: Kind.GRAPH, g: body('else', 'Neg') }),
  );
  const bytes = toBinary(ModelProtoSchema, original);
  const written = writeModel(readModel(bytes), parseModel(bytes)).bytes;
  for (const sign of [1, -1]) {
    const feeds = { x: random([2, 3, 4], 3), s: { shape: [1], data: Float32Array.of(sign) } };
    const [expected, actual] = [await runOnnxruntime(bytes, feeds), await runOnnxruntime(written, feeds)];
    t.true(relativeDifference(actual['y']!.data, expected['y']!.data) < 1e-6);
  }
});

for (const [name, code] of [
  ['half precision', 10],
  ['double precision', 11],
] as const) {
  test(`${name} at the ports stays what it is`, async (t) => {
    const spec: ModelSpec = {
      inputs: { x: [2, 4] },
      constants: { w: random([4, 3], 1) },
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['f'], attributes: { to: 1 } },
        { op: 'MatMul', inputs: ['f', 'w'], outputs: ['m'] },
        { op: 'Cast', inputs: ['m'], outputs: ['y'], attributes: { to: code } },
        // A port may be read inside as well.
        { op: 'Neg', inputs: ['y'], outputs: ['z'] },
      ],
      outputs: ['y', 'z'],
      outputType: code,
    };
    const original = fromBinary(ModelProtoSchema, buildModel(spec));
    const { type } = original.graph!.input[0]!;
    if (type!.value.case === 'tensorType') type!.value.value.elemType = code;
    const bytes = toBinary(ModelProtoSchema, original);
    const origin = parseModel(bytes);
    const { graph: read } = simplifyGraph(readModel(bytes), { fold: referenceAlgebra });
    const written = writeModel(read, origin).bytes;
    const values = random([2, 4], 2).data;
    const x =
      code === 10
        ? new ort.Tensor(
            'float16',
            Uint16Array.from(values, (_, i) => 0x3c00 + 37 * i),
            [2, 4],
          )
        : new ort.Tensor('float64', Float64Array.from(values), [2, 4]);
    const results = await Promise.all(
      [bytes, written].map(async (file) => {
        const session = await ort.InferenceSession.create(file);
        const { y, z } = await session.run({ x });
        return [y, z].map((output) => ({ type: output!.type, data: [...(output!.data as Float64Array)] }));
      }),
    );
    t.deepEqual(results[1], results[0]);
    // Once more: the casts at the border do not pile up.
    const again = parseModel(written);
    const { graph } = simplifyGraph(readModel(written), { fold: referenceAlgebra });
    t.deepEqual(
      parseModel(writeModel(graph, again).bytes).graph!.node.map(({ opType }) => opType),
      again.graph!.node.map(({ opType }) => opType),
    );
  });
}

test('an attribute with a whole number stays a float, a newer operator set stays', (t) => {
  const node = { op: 'Elu', inputs: ['x'], outputs: ['y'], attributes: { alpha: float(2) } };
  const model = rewritten({ ...base, nodes: [node], opset: 22 });
  t.is(model.graph!.node[0]!.attribute[0]!.type, Kind.FLOAT);
  t.is(model.opsetImport[0]!.version, 22n);
});

test('a graph of standard nodes comes back as it is', (t) => {
  const graph = readModel(buildModel(base));
  t.is(toStandard(graph), graph);
});

test('what cannot be written says why', (t) => {
  const bytes = buildModel({ ...base, opset: 8, nodes: [{ ...base.nodes[0]!, op: 'Scan', outputs: ['y'] }] });
  const error = t.throws(() => writeModel(readModel(bytes), parseModel(bytes)), { instanceOf: LanewiseError });
  t.is(error?.code, 'ERR_UNSUPPORTED_OPERATOR');
  t.regex(error!.message, /product \(Scan\): means something else since operator set 9/);

  const graph = readModel(buildModel(base));
  const half: Constant = { type: 'uint8', shape: [2 ** 30], data: new Uint8Array(2 ** 30) };
  const nodes = [...graph.nodes, { ...graph.nodes[1]!, op: 'org.Join', inputs: ['a', 'b'], outputs: ['z'] }];
  const heavy: Graph = { ...graph, nodes, constants: new Map([...graph.constants, ['a', half], ['b', half]]) };
  t.throws(() => writeModel(heavy, parseModel(buildModel(base))), {
    instanceOf: RangeError,
    message: /2\.0 GiB of weights; one ONNX file holds less than 2 GiB/,
  });
});
