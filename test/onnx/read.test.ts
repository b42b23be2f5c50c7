/** Reading: what a file may hold, and every way in which it may be wrong. */
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { LanewiseError } from '#lib/errors.js';
import { compileForShapes } from '#lib/graph/compile.js';
import { externalDataBeside } from '#lib/onnx/external-data.js';
import { readModel } from '#lib/onnx/read.js';
import { ocrModelBytes, ocrModelPath } from '../support/ocr-models.js';
import { buildModel, floats, type ModelSpec, random, tensorProto } from '../support/onnx-builder.js';
import { referenceAlgebra } from '../support/weight-algebra.js';

const base: ModelSpec = {
  inputs: { x: [1, 4] },
  constants: { w: random([4, 3], 1) },
  nodes: [
    { op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['m'] },
    { op: 'Relu', name: 'relu', inputs: ['m'], outputs: ['y'] },
  ],
  outputs: ['y'],
};

/** The bytes of the base model after a change to its message. */
function changed(change: (model: ModelProto) => void, spec: ModelSpec = base): Uint8Array {
  const model = fromBinary(ModelProtoSchema, buildModel(spec));
  change(model);
  return toBinary(ModelProtoSchema, model);
}

const formatError = { instanceOf: LanewiseError, code: 'ERR_MODEL_FORMAT' } as const;

const faults: Record<string, [change: (model: ModelProto) => void, message: RegExp]> = {
  'no graph': [(m) => delete m.graph, /no graph/],
  'no operator set': [(m) => m.opsetImport.splice(0), /operator set/],
  'a read nothing produces': [
    (m) => (m.graph!.node[0]!.input[0] = 'nowhere'),
    /node 'product' \(MatMul\) reads 'nowhere'/,
  ],
  'an output nothing produces': [(m) => (m.graph!.output[0]!.name = 'nowhere'), /output 'nowhere'/],
  'the same output twice': [(m) => m.graph!.output.push(m.graph!.output[0]!), /'y' is listed twice/],
  'a value defined twice': [(m) => (m.graph!.node[1]!.output[0] = 'm'), /'m' is defined twice/],
  'an output that is a constant as well': [(m) => (m.graph!.node[1]!.output[0] = 'w'), /'w' is defined twice/],
  'a cycle': [(m) => (m.graph!.node[0]!.input[0] = 'y'), /cycle through node/],
  'a node that reads itself': [(m) => (m.graph!.node[1]!.input[0] = 'y'), /cycle/],
  'too few bytes': [
    (m) => (m.graph!.initializer[0]!.rawData = new Uint8Array(44)),
    /initializer 'w': shape \[4,3\] needs 48 bytes, the file has 44/,
  ],
  'too many bytes': [(m) => (m.graph!.initializer[0]!.rawData = new Uint8Array(52)), /needs 48 bytes/],
  'too few typed elements': [
    (m) => Object.assign(m.graph!.initializer[0]!, { rawData: new Uint8Array(0), floatData: [1, 2] }),
    /needs 12 elements, the file has 2/,
  ],
  'a negative extent': [(m) => (m.graph!.initializer[0]!.dims = [4n, -3n]), /extent -3/],
  'a product beyond all memory': [(m) => (m.graph!.initializer[0]!.dims = [2n ** 40n, 2n ** 40n]), /more elements/],
  'an extent beyond a double': [(m) => (m.graph!.initializer[0]!.dims = [2n ** 62n]), /extent/],
  'an element type nobody knows': [(m) => (m.graph!.initializer[0]!.dataType = 99), /element type 99/],
  'an input without a type': [(m) => delete m.graph!.input[0]!.type, /input 'x' is not a tensor/],
  'an initializer without a name': [(m) => (m.graph!.initializer[0]!.name = ''), /no name/],
  'external data without a folder': [
    (m) =>
      Object.assign(m.graph!.initializer[0]!, {
        dataLocation: 1,
        rawData: new Uint8Array(0),
        externalData: [create(StringStringEntryProtoSchema, { key: 'location', value: 'weights.bin' })],
      }),
    /not loaded from a folder/,
  ],
};

for (const [title, [change, message]] of Object.entries(faults)) {
  test(`fault: ${title}`, (t) => {
    t.throws(() => readModel(changed(change)), { ...formatError, message });
  });
}

test('a file cut anywhere is a format error or nothing worse than a smaller model', (t) => {
  const bytes = ocrModelBytes('cls');
  for (let cut = 0; cut < 200; cut++) {
    // Dense where the structure is, then across the whole file.
    const end = cut < 100 ? cut * 7 : Math.floor((bytes.length * (cut - 100)) / 100);
    const error = t.throws(() => readModel(bytes.subarray(0, end)), { instanceOf: LanewiseError }, `cut at ${end}`);
    t.is(error?.code, 'ERR_MODEL_FORMAT');
  }
});

test('flipped bytes throw nothing but library errors', (t) => {
  const bytes = buildModel(base);
  for (let i = 0; i < bytes.length; i++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const copy = bytes.slice();
      copy[i]! ^= flip;
      try {
        const graph = readModel(copy);
        compileForShapes(graph, {}, { fold: referenceAlgebra });
      } catch (error) {
        if (!(error instanceof LanewiseError || error instanceof RangeError)) t.fail(`byte ${i}: ${String(error)}`);
      }
    }
  }
  t.pass();
});

test('bytes that are not an array', (t) => {
  t.throws(() => readModel('model.onnx' as unknown as Uint8Array), { instanceOf: TypeError });
});

test('nodes come in topological order, with unique names', (t) => {
  const model = readModel(
    changed((m) => {
      m.graph!.node.reverse();
      for (const node of m.graph!.node) node.name = 'same';
    }),
  );
  t.deepEqual(
    model.nodes.map(({ op }) => op),
    ['MatMul', 'Relu'],
  );
  t.is(new Set(model.nodes.map(({ name }) => name)).size, 2);
});

test('nodes without names get those of their outputs', (t) => {
  const model = readModel(
    changed((m) => {
      for (const node of m.graph!.node) node.name = '';
    }),
  );
  t.deepEqual(
    model.nodes.map(({ name }) => name),
    ['m', 'y'],
  );
});

test('an initializer that is listed as an input is a constant', (t) => {
  const graph = readModel(changed((m) => m.graph!.input.push({ ...m.graph!.input[0]!, name: 'w' })));
  t.deepEqual(
    graph.inputs.map(({ name }) => name),
    ['x'],
  );
  t.true(graph.constants.has('w'));
});

test('unknown extents get names', (t) => {
  const graph = readModel(buildModel({ ...base, inputs: { x: ['batch', 4] } }));
  t.deepEqual(graph.inputs[0]!.shape, ['batch', 4]);
});

const typed: [title: string, fields: object, expected: number[]][] = [
  ['float_data', { dataType: 1, floatData: [1.5, -2] }, [1.5, -2]],
  ['double_data', { dataType: 11, doubleData: [1.1, -2] }, [1.1, -2]],
  ['int64_data', { dataType: 7, int64Data: [5n, -6n] }, [5, -6]],
  ['int32_data', { dataType: 6, int32Data: [5, -6] }, [5, -6]],
  ['int8 in int32_data', { dataType: 3, int32Data: [5, -6] }, [5, -6]],
  ['bool in int32_data', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
  ['uint32 in uint64_data', { dataType: 12, uint64Data: [5n, 4294967295n] }, [5, 4294967295]],
  ['float16 raw', { dataType: 10, rawData: new Uint8Array(Uint16Array.of(0x3e00, 0xc000).buffer) }, [1.5, -2]],
  [
    'float16 subnormal and infinity',
    { dataType: 10, int32Data: [0x0001, 0x7c00] },
    [2 ** -24, Number.POSITIVE_INFINITY],
  ],
  ['bfloat16 raw', { dataType: 16, rawData: new Uint8Array(Uint16Array.of(0x3fc0, 0xc000).buffer) }, [1.5, -2]],
];
for (const [title, fields, expected] of typed) {
  test(`tensor data: ${title}`, (t) => {
    const tensor = create(TensorProtoSchema, { name: 'c', dims: [2n], ...fields });
    const graph = readModel(changed((m) => m.graph!.initializer.push(tensor)));
    t.deepEqual(
      Array.from(graph.constants.get('c')!.data as ArrayLike<number | bigint> & Iterable<number | bigint>, Number),
      expected,
    );
  });
}

const constantForms: [attribute: object, expected: number[], shape: number[]][] = [
  [{ name: 'value', type: Kind.TENSOR, t: tensorProto('', floats([2], [1, 2])) }, [1, 2], [2]],
  [{ name: 'value_float', type: Kind.FLOAT, f: 1.5 }, [1.5], []],
  [{ name: 'value_floats', type: Kind.FLOATS, floats: [1.5, 2] }, [1.5, 2], [2]],
  [{ name: 'value_int', type: Kind.INT, i: 7n }, [7], []],
  [{ name: 'value_ints', type: Kind.INTS, ints: [7n, 8n] }, [7, 8], [2]],
];
for (const [attribute, expected, shape] of constantForms) {
  test(`Constant node: ${(attribute as { name: string }).name}`, (t) => {
    const node = create(NodeProtoSchema, {
      opType: 'Constant',
      output: ['c'],
      attribute: [create(AttributeProtoSchema, attribute)],
    });
    const graph = readModel(changed((m) => m.graph!.node.push(node)));
    const constant = graph.constants.get('c')!;
    t.deepEqual([...constant.shape], shape);
    t.deepEqual(Array.from(constant.data as Iterable<number | bigint>, Number), expected);
    t.is(graph.nodes.length, 2);
  });
}

test('weights beside the file, and only there', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'));
  const weights = Float32Array.from({ length: 16 }, (_, i) => i);
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(weights.buffer));
  symlinkSync(ocrModelPath('cls'), join(folder, 'link.bin'));
  const read = (entries: Record<string, string>) => {
    const externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    const bytes = changed((m) =>
      Object.assign(m.graph!.initializer[0]!, { dataLocation: 1, rawData: new Uint8Array(0), externalData }),
    );
    return readModel(bytes, { externalData: externalDataBeside(join(folder, 'model.onnx')) });
  };
  t.deepEqual(read({ location: 'weights.bin', offset: '16', length: '48' }).constants.get('w')!.data, weights.slice(4));
  t.deepEqual(read({ location: './weights.bin' }).constants.get('w')!.data, weights.slice(0, 12));
  for (const location of [
    '../weights.bin',
    '/etc/passwd',
    'a/../../b',
    'C:\\weights.bin',
    '\\\\host\\share',
    '',
    'missing.bin',
    'link.bin',
  ]) {
    t.throws(() => read({ location }), formatError, location);
  }
  t.throws(() => read({ location: 'weights.bin', offset: '32' }), { ...formatError, message: /has 64 bytes/ });
  t.throws(() => read({ location: 'weights.bin', length: '40' }), {
    ...formatError,
    message: /40 bytes, its shape needs 48/,
  });
  t.throws(() => read({ location: 'weights.bin', offset: '-1' }), formatError);
});

test('operators nobody supports are read, and refused all at once with their names', (t) => {
  const graph = readModel(
    buildModel({
      ...base,
      nodes: [
        { op: 'Fancy', name: 'first', domain: 'com.example', inputs: ['x'], outputs: ['a'] },
        { op: 'Relu', name: 'between', inputs: ['a'], outputs: ['b'] },
        { op: 'SplitToSequence', name: 'second', inputs: ['x', 'b'], outputs: ['c'] },
        { op: 'Scan', name: 'third', inputs: ['x'], outputs: ['e'] },
        { op: 'Relu', name: 'fine', inputs: ['x'], outputs: ['f'] },
      ],
      outputs: ['c', 'e', 'f'],
    }),
  );
  const error = t.throws(() => compileForShapes(graph, {}, { fold: referenceAlgebra }), { instanceOf: LanewiseError });
  t.is(error?.code, 'ERR_UNSUPPORTED_OPERATOR');
  t.is(
    error?.message,
    'the model has 3 nodes that cannot be run:\n  first (com.example.Fancy): operator is not supported\n  second (SplitToSequence): operator is not supported\n  third (Scan): operator is not supported',
  );
});

test('a chain of ten thousand nodes', (t) => {
  const nodes = Array.from({ length: 10_000 }, (_, i) => ({
    op: 'Relu',
    inputs: [i === 0 ? 'x' : `v${i}`],
    outputs: [`v${i + 1}`],
  })).reverse();
  const graph = readModel(buildModel({ inputs: { x: [1] }, nodes, outputs: ['v10000'] }));
  t.is(graph.nodes[0]!.inputs[0], 'x');
  t.is(graph.nodes.length, 10_000);
});

test('a graph of no nodes', (t) => {
  const graph = readModel(
    toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph: create(GraphProtoSchema, {}) })),
  );
  t.deepEqual(graph.nodes, []);
});
