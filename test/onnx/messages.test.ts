/** The reader of messages against a decoder that is driven by the descriptors of onnx.proto. */

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import {
  type AttributeProto,
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { defaultLimits } from '#lib/limits.js';
import type { AttributeMessage, GraphMessage, TensorMessage, ValueMessage } from '#lib/onnx/messages.js';
import { readMessages } from '#lib/onnx/messages.js';
import type { Payload } from '#lib/onnx/wire.js';
import { zooModel } from '../../bench/zoo/index.js';
import { ocrModelBytes } from '../support/ocr-models.js';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What the decoder gives is a view of the file, too. */
const payloadOf = (view: Uint8Array, file: Uint8Array): Payload => ({
  offset: view.length > 0 ? view.byteOffset - file.byteOffset : 0,
  length: view.length,
  bytes: new Uint8Array(view),
});

const tensorOf = (proto: TensorProto, file: Uint8Array): TensorMessage => ({
  name: proto.name,
  dims: proto.dims.map(Number),
  dataType: proto.dataType,
  dataLocation: proto.dataLocation,
  rawData: payloadOf(proto.rawData, file),
  floatData: proto.floatData,
  doubleData: proto.doubleData,
  int32Data: proto.int32Data,
  int64Data: proto.int64Data,
  uint64Data: proto.uint64Data,
  externalData: proto.externalData.map(({ key, value }) => ({ key, value })),
});

const attributeOf = (proto: AttributeProto, file: Uint8Array): AttributeMessage => ({
  name: proto.name,
  type: proto.type,
  f: proto.f,
  i: Number(proto.i),
  s: text(proto.s),
  t: proto.t && tensorOf(proto.t, file),
  g: proto.g && graphOf(proto.g, file),
  floats: proto.floats,
  ints: proto.ints.map(Number),
  strings: proto.strings.map(text),
});

function portOf({ name, type }: ValueInfoProto): ValueMessage {
  if (type?.value.case !== 'tensorType') return { name, tensor: undefined };
  const { elemType, shape } = type.value.value;
  const dims = shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : value.value));
  return { name, tensor: { elemType, dims } };
}

const graphOf = (proto: GraphProto, file: Uint8Array): GraphMessage => ({
  name: proto.name,
  node: proto.node.map(({ name, opType, domain, input, output, attribute }) => ({
    name,
    opType,
    domain,
    input,
    output,
    attribute: attribute.map((item) => attributeOf(item, file)),
  })),
  initializer: proto.initializer.map((tensor) => tensorOf(tensor, file)),
  sparseInitializers: proto.sparseInitializer.length,
  input: proto.input.map(portOf),
  output: proto.output.map(portOf),
});

function expected(file: Uint8Array) {
  const { opsetImport, graph } = fromBinary(ModelProtoSchema, file);
  return {
    opsetImport: opsetImport.map(({ domain, version }) => ({ domain, version: Number(version) })),
    graph: graph && graphOf(graph, file),
  };
}

const read = (bytes: Uint8Array) => readMessages(bytes, defaultLimits);

const everything = create(ModelProtoSchema, {
  irVersion: 10n,
  producerName: 'somebody',
  docString: 'Größe',
  metadataProps: [{ key: 'k', value: 'v' }],
  opsetImport: [{ version: 21n }, { domain: 'org.other', version: 2n ** 40n }],
  functions: [{ name: 'f', node: [{ opType: 'Relu' }] }],
  graph: {
    name: 'Netz \u{1f578}',
    docString: 'doc',
    node: [
      {
        opType: 'If',
        domain: 'ai.onnx',
        name: 'n',
        input: ['', 'c', 'ü'],
        output: ['y'],
        overload: 'o',
        attribute: [
          { name: 'f', type: 1, f: -0.5 },
          { name: 'i', type: 2, i: -(2n ** 62n) - 1n },
          { name: 's', type: 3, s: new TextEncoder().encode('linear') },
          { name: 't', type: 4, t: { dims: [2n], dataType: 1, rawData: new Uint8Array(8).fill(3) } },
          { name: 'g', type: 5, g: { name: 'body', output: [{ name: 'b' }] } },
          { name: 'floats', type: 6, floats: [1, Number.NEGATIVE_INFINITY, 2 ** -149] },
          { name: 'ints', type: 7, ints: [0n, -1n, 127n, 128n, 2n ** 31n, -(2n ** 31n), 2n ** 53n, 2n ** 63n - 1n] },
          { name: 'strings', type: 8, strings: [new Uint8Array(0), new TextEncoder().encode('ß')] },
          { name: 'tp', type: 13, tp: { denotation: 'IMAGE' } },
          { name: 'ref', refAttrName: 'outer', docString: 'd' },
        ],
      },
    ],
    initializer: [
      { name: 'floats', dims: [3n, 0n], dataType: 1, floatData: [1.5, Number.NaN, -0] },
      { name: 'doubles', dataType: 11, doubleData: [Math.PI, -1e300] },
      { name: 'int32', dataType: 6, int32Data: [-1, 2 ** 31 - 1, -(2 ** 31)] },
      { name: 'int64', dataType: 7, int64Data: [-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, 5n] },
      { name: 'beside', dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }, { key: 'offset' }] },
    ],
    sparseInitializer: [{ dims: [4n] }],
    input: [
      {
        name: 'x',
        type: {
          value: {
            case: 'tensorType',
            value: {
              elemType: 10,
              shape: {
                dim: [
                  { value: { case: 'dimValue', value: -1n } },
                  { value: { case: 'dimParam', value: 'N' } },
                  {},
                  { denotation: 'C', value: { case: 'dimValue', value: 3n } },
                ],
              },
            },
          },
        },
      },
      { name: 'no shape', type: { value: { case: 'tensorType', value: { elemType: 1 } } } },
    ],
    output: [
      { name: 'a list', type: { value: { case: 'sequenceType', value: {} } } },
      { name: 'anything', docString: 'd' },
    ],
    valueInfo: [{ name: 'v' }],
  },
});

test('every field is read as its descriptor says', (t) => {
  const bytes = toBinary(ModelProtoSchema, everything);
  t.deepEqual(read(bytes), expected(bytes));
});

const files: Readonly<Record<string, () => Uint8Array>> = {
  'mobilenet-v2': () => readFileSync(zooModel('mobilenet-v2')),
  'shufflenet-v2': () => readFileSync(zooModel('shufflenet-v2')),
  'ocr-det': () => ocrModelBytes('det'),
  'ocr-rec': () => ocrModelBytes('rec'),
  'ocr-cls': () => ocrModelBytes('cls'),
};

for (const [name, load] of Object.entries(files))
  test(`the file of ${name}`, (t) => {
    const bytes = load();
    // Megabytes, of which ava would want to tell the differences.
    t.true(isDeepStrictEqual(read(bytes), expected(bytes)));
  });

test('payloads that are left out keep their place', (t) => {
  const bytes = readFileSync(zooModel('mobilenet-v2'));
  const whole = expected(bytes);
  const gaps: number[] = [];
  const kept: Uint8Array[] = [];
  let at = 0;
  for (const tensor of whole.graph!.initializer) {
    const { offset, length } = tensor.rawData;
    if (length < 1000) continue;
    gaps.push(offset, offset + length);
    kept.push(bytes.subarray(at, offset));
    at = offset + length;
    tensor.rawData = { offset, length, bytes: undefined };
  }
  t.true(gaps.length > 20);
  const rest = Buffer.concat([...kept, bytes.subarray(at)]);
  t.true(isDeepStrictEqual(readMessages(rest, defaultLimits, Float64Array.from(gaps)), whole));
  t.throws(() => readMessages(rest.subarray(0, -1), defaultLimits, Float64Array.from(gaps)), {
    code: 'ERR_MODEL_FORMAT',
  });
});

const field = (number: number, wireType: number): number => (number << 3) | wireType;
const bytesField = (number: number, ...content: number[]): number[] => [field(number, 2), content.length, ...content];

test('a message in two parts is one, the last of two single fields counts, and numbers may be packed or not', (t) => {
  const opset = [...bytesField(8, field(2, 0), 7, field(2, 0), 17)];
  const first = bytesField(
    7,
    ...bytesField(2, 0x61),
    ...bytesField(5, field(1, 0), 2, ...bytesField(1, 3, 4), field(1, 0), 5),
  );
  const second = bytesField(7, ...bytesField(2, 0x62), ...bytesField(1));
  const bytes = Uint8Array.from([...opset, ...first, ...second]);
  const { graph, opsetImport } = read(bytes);
  t.deepEqual(opsetImport, [{ domain: '', version: 17 }]);
  t.like(graph, { name: 'b', initializer: [{ dims: [2, 3, 4, 5] }] });
  t.is(graph!.node.length, 1);
  t.deepEqual(read(bytes), expected(bytes));
});

test('integers of 64 bits without a sign keep their bits', (t) => {
  const ones = new Array<number>(9).fill(0xff);
  const { graph } = read(Uint8Array.from(bytesField(7, ...bytesField(5, field(11, 0), ...ones, 1))));
  t.deepEqual(new BigUint64Array(graph!.initializer[0]!.uint64Data), BigUint64Array.of(2n ** 64n - 1n));
});

const broken: Readonly<Record<string, readonly number[]>> = {
  'a field number of 0': [0],
  'a tag of six bytes': [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  'a tag without a value': [field(1, 0)],
  'a group': [field(99, 3), field(99, 4)],
  'a wire type that does not exist': [field(99, 6)],
  'a string that is a number': bytesField(7, field(2, 0), 1),
  'a number that is a string': bytesField(8, ...bytesField(2)),
  'a number that does not end': [field(1, 0), ...new Array<number>(11).fill(0x80)],
  'a number that ends behind its message': bytesField(8, field(2, 0), 0x80),
  'a float that ends behind its message': bytesField(7, ...bytesField(1, ...bytesField(5, field(2, 5), 0, 0))),
  'packed floats that end behind their field': bytesField(7, ...bytesField(5, ...bytesField(4, 0, 0, 0))),
  'a message that ends behind the file': [field(7, 2), 5, 0, 0],
  'a message that ends behind the one around it': [...bytesField(7, field(5, 2), 5), 0, 0, 0, 0, 0],
  'bytes without end': [field(99, 2), 0xff, 0xff, 0xff, 0xff, 0x0f],
};

for (const [what, bytes] of Object.entries(broken))
  test(`not complete: ${what}`, (t) => {
    t.throws(() => read(Uint8Array.from(bytes)), { code: 'ERR_MODEL_FORMAT', message: /not a complete ONNX file/ });
  });

test('packed numbers are paid for one by one', (t) => {
  const bytes = Uint8Array.from([
    field(7, 2),
    105,
    field(5, 2),
    103,
    field(7, 2),
    101,
    ...new Array<number>(101).fill(1),
  ]);
  const heap = (maxDecodedBytes: number) => () => readMessages(bytes, { ...defaultLimits, maxDecodedBytes });
  t.throws(heap(3 * 512 + 48 * 100), { code: 'ERR_LIMIT' });
  t.notThrows(heap(3 * 512 + 48 * 101));
});
