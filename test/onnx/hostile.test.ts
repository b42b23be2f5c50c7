/** Models that ask for more than there is, or lie: each a typed error, at once. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test from 'ava';
import { type ErrorCode, LanewiseError, type LoadOptions, loadModel, tensor } from 'lanewise';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { buildModel, floats, ints, type ModelSpec, type NodeSpec } from '../support/onnx-builder.js';

const chain = (nodes: readonly NodeSpec[], constants: ModelSpec['constants'] = {}): Uint8Array =>
  buildModel({ inputs: { x: [1, 4] }, outputs: ['y'], constants, nodes, opset: 18 });

const expand = (...shape: number[]): Uint8Array =>
  chain([{ op: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }], { shape: ints(...shape) });

/** `count` pairs of bytes that decode to an empty node each. */
function manyNodes(count: number): Uint8Array {
  const graph = new Uint8Array(2 * count).map((_, i) => (i % 2 ? 0 : 0x0a));
  const head = [...toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport: [{ version: 17n }] })), 0x3a];
  for (let rest = graph.length; ; rest >>>= 7) {
    if (rest < 128) {
      head.push(rest);
      break;
    }
    head.push((rest & 127) | 128);
  }
  return new Uint8Array([...head, ...graph]);
}

/** A graph inside an attribute inside a graph, and so on. */
function nested(depth: number): Uint8Array {
  let graph = create(GraphProtoSchema, {});
  for (let i = 0; i < depth; i++)
    graph = create(GraphProtoSchema, {
      node: [
        create(NodeProtoSchema, {
          opType: 'If',
          output: ['y'],
          attribute: [{ name: 'then_branch', type: 5, g: graph }],
        }),
      ],
    });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph, opsetImport: [{ version: 17n }] }));
}

const refusals: readonly (readonly [
  what: string,
  bytes: () => Uint8Array,
  code: ErrorCode,
  message: RegExp,
  options?: LoadOptions,
])[] = [
  ['a terabyte by Expand', () => expand(2 ** 20, 2 ** 20, 4), 'ERR_LIMIT', /maxTensorElements/],
  ['more axes than any operator', () => expand(...new Array<number>(40).fill(1)), 'ERR_MODEL_FORMAT', /40 axes/],
  [
    'a limit of the caller',
    () => expand(100, 4),
    'ERR_LIMIT',
    /400 is more than limits\.maxTensorElements, 300/,
    { limits: { maxTensorElements: 300 } },
  ],
  [
    'a terabyte by ConstantOfShape',
    () =>
      chain(
        [
          { op: 'ConstantOfShape', inputs: ['s'], outputs: ['c'] },
          { op: 'Add', inputs: ['x', 'c'], outputs: ['y'] },
        ],
        { s: ints(2 ** 40, 4) },
      ),
    'ERR_LIMIT',
    /maxTensorElements/,
  ],
  [
    'a negative extent',
    () => chain([{ op: 'ConstantOfShape', inputs: ['s'], outputs: ['y'] }], { s: ints(-1, -4) }),
    'ERR_MODEL_FORMAT',
    /extent of -1/,
  ],
  ['a million nodes in two megabytes', () => manyNodes(1_000_000), 'ERR_LIMIT', /limits\.maxNodes, 100000/],
  ['fewer nodes than the caller allows', () => expand(3, 4), 'ERR_LIMIT', /maxNodes/, { limits: { maxNodes: 0 } }],
  [
    'a file larger than the caller allows',
    () => expand(3, 4),
    'ERR_LIMIT',
    /maxFileBytes/,
    { limits: { maxFileBytes: 10 } },
  ],
  ['bodies inside bodies', () => nested(200), 'ERR_MODEL_FORMAT', /nest/],
  ['too many constants', () => expand(3, 4), 'ERR_LIMIT', /maxConstantBytes/, { limits: { maxConstantBytes: 3 } }],
  ['too much to decode', () => expand(3, 4), 'ERR_LIMIT', /maxDecodedBytes/, { limits: { maxDecodedBytes: 600 } }],
  [
    'an operator without inputs',
    () => chain([{ op: 'Min', inputs: [], outputs: ['y'] }]),
    'ERR_MODEL_FORMAT',
    /no inputs/,
  ],
  [
    'a slope that is missing',
    () => chain([{ op: 'PRelu', inputs: ['x'], outputs: ['y'] }]),
    'ERR_UNSUPPORTED_OPERATOR',
    /an input that it needs is missing/,
  ],
  [
    'an output that the operator does not have',
    () => chain([{ op: 'Relu', inputs: ['x'], outputs: ['a', 'y'] }]),
    'ERR_UNSUPPORTED_OPERATOR',
    /the shape of its output 'y' is not known/,
  ],
  [
    'an axis that is named twice, and a shape after it',
    () =>
      chain(
        [
          { op: 'Unsqueeze', inputs: ['x', 'axes'], outputs: ['a'] },
          { op: 'Unsqueeze', inputs: ['a', 'zero'], outputs: ['y'] },
        ],
        { axes: ints(1, 2, 1), zero: ints(0) },
      ),
    'ERR_MODEL_FORMAT',
    /axes \[1,2,1\] name one twice/,
  ],
  [
    'a thousand million parts',
    () => chain([{ op: 'Split', inputs: ['x'], outputs: ['y'], attributes: { axis: 1, num_outputs: 2 ** 30 } }]),
    'ERR_MODEL_FORMAT',
    /num_outputs is 1073741824, but there are 1 outputs/,
  ],
  [
    'an axis that no plan has a table for',
    () =>
      buildModel({
        inputs: { x: [1, 2 ** 28, 1, 1] },
        outputs: ['y'],
        constants: { scale: floats([1], [2]) },
        nodes: [{ op: 'Mul', inputs: ['x', 'scale'], outputs: ['y'] }],
      }),
    'ERR_LIMIT',
    /input 'x': largest extent of shape \[1,268435456,1,1\].*maxExtent/,
  ],
  ...(
    [
      ['Pad', ['i', 'pads'], { pads: ints(0, 2 ** 23) }],
      ['Resize', ['f', '', '', 'size'], { size: ints(1, 1, 1, 2 ** 23) }],
      ['AffineGrid', ['theta', 'size'], { size: ints(1, 1, 2 ** 12, 2 ** 12) }],
    ] as const
  ).map(
    ([op, inputs, constants]) =>
      [
        `a table of millions for ${op}`,
        () =>
          buildModel({
            inputs: { x: [4], f: [1, 1, 1, 4], theta: [1, 2, 3] },
            outputs: ['y'],
            constants,
            nodes: [
              { op: 'Cast', inputs: ['x'], outputs: ['i'], attributes: { to: 7 } },
              { op, inputs, outputs: ['y'], attributes: op === 'Resize' ? { mode: 'cubic' } : {} },
            ],
            opset: 20,
          }),
        'ERR_UNSUPPORTED_OPERATOR',
        /a table of \d+ entries/,
      ] as const,
  ),
  [
    'a cycle',
    () =>
      chain([
        { op: 'Add', inputs: ['x', 'b'], outputs: ['a'] },
        { op: 'Add', inputs: ['a', 'x'], outputs: ['b'] },
        { op: 'Relu', inputs: ['b'], outputs: ['y'] },
      ]),
    'ERR_MODEL_FORMAT',
    /cycle/,
  ],
];

for (const [what, bytes, code, message, options] of refusals)
  test(what, async (t) => {
    const error = await t.throwsAsync(() => loadModel(bytes(), options), { instanceOf: LanewiseError, message });
    t.is((error as LanewiseError).code, code);
  });

test('folding stops where results would grow, and the model runs', async (t) => {
  // Fifty constants of four megabytes, each the product of the one before and a new axis.
  const nodes: NodeSpec[] = [{ op: 'Expand', inputs: ['one', 's'], outputs: ['c0'] }];
  for (let i = 0; i < 50; i++) nodes.push({ op: 'Mul', inputs: [`c${i}`, 'x'], outputs: [`c${i + 1}`] });
  nodes.push({ op: 'ReduceMax', inputs: ['c50'], outputs: ['y'], attributes: { keepdims: 0 } });
  const model = await loadModel(chain(nodes, { one: floats([1], [1]), s: ints(1 << 10, 4) }));
  const { y } = await model.run({ x: tensor(new Float32Array(4).fill(1), [1, 4]) });
  t.deepEqual([...y!.data], [1]);
});

test('activations are bounded', async (t) => {
  const bytes = buildModel({
    inputs: { x: ['N', 4] },
    outputs: ['y'],
    nodes: [
      { op: 'Softmax', inputs: ['x'], outputs: ['a'] },
      { op: 'Transpose', inputs: ['a'], outputs: ['b'] },
      { op: 'Softmax', inputs: ['b'], outputs: ['y'] },
    ],
    opset: 18,
  });
  const model = await loadModel(bytes, { limits: { maxActivationBytes: 1000 } });
  await t.notThrowsAsync(() => model.run({ x: tensor(new Float32Array(4), [1, 4]) }));
  const error = await t.throwsAsync(() => model.run({ x: tensor(new Float32Array(4000), [1000, 4]) }), {
    message: /maxActivationBytes/,
  });
  t.is((error as LanewiseError).code, 'ERR_LIMIT');
});

test('limits that are none', async (t) => {
  const bytes = expand(3, 4);
  for (const [limits, type] of [
    [7, TypeError],
    [null, TypeError],
    [{ maxNode: 3 }, TypeError],
    [{ maxNodes: '3' }, TypeError],
    [{ maxNodes: Number.NaN }, RangeError],
    [{ maxNodes: -1 }, RangeError],
  ] as const)
    await t.throwsAsync(() => loadModel(bytes, { limits: limits as never }), { instanceOf: type, message: /limits/ });
  await t.notThrowsAsync(() => loadModel(bytes, { limits: { maxNodes: Number.POSITIVE_INFINITY } }));
});

test('a file that is too large is not read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'huge.onnx');
  writeFileSync(file, '');
  truncateSync(file, 2 ** 32); // a hole: takes no room, and would not fit a buffer
  await t.throwsAsync(() => loadModel(file), { code: 'ERR_LIMIT', message: /maxFileBytes/ });
});

if (process.platform !== 'win32')
  test('weights in a pipe are refused, not waited for', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'lanewise-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    execFileSync('mkfifo', [join(folder, 'w.bin')]);
    const file = join(folder, 'model.onnx');
    const model = create(ModelProtoSchema, {
      opsetImport: [{ version: 17n }],
      graph: {
        initializer: [
          { name: 'w', dims: [4n], dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }] },
        ],
      },
    });
    writeFileSync(file, toBinary(ModelProtoSchema, model));
    await t.throwsAsync(() => loadModel(file), { instanceOf: LanewiseError, message: /regular file/ });
  });
