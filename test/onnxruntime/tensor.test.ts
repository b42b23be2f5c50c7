/** `Tensor`: the same calls with the same outcome in onnxruntime and here, and the messages of ours. */
import test from 'ava';
import * as ort from '#lib/onnxruntime/index.js';
import { engines } from './engine.js';

/** For arguments that the types forbid. */
type Arguments = readonly unknown[];
const make = (engine: keyof typeof engines, args: Arguments) =>
  new (engines[engine].Tensor as unknown as new (...args: Arguments) => ort.Tensor)(...args);

const cases: Readonly<Record<string, Arguments>> = {
  'type, array and dims': ['float32', new Float32Array([1, 2, 3, 4]), [2, 2]],
  'no dims': ['float32', new Float32Array(3)],
  'a scalar': ['float32', [7], []],
  empty: ['float32', [], [0, 3]],
  'numbers to float32': ['float32', [1.5, -2, 0.1], [3]],
  'numbers to float64': ['float64', [1.5, 0.1]],
  'numbers to int32, cut': ['int32', [1.9, -2.9, 3]],
  'numbers to uint8, wrapped': ['uint8', [255, 256, -1]],
  'numbers to int8': ['int8', [127, 128, -128]],
  'numbers to int16': ['int16', [1, -1]],
  'numbers to uint16': ['uint16', [65535]],
  'numbers to uint32': ['uint32', [4294967295]],
  'numbers to int64': ['int64', [1, -2]],
  'bigints to int64': ['int64', [1n, -(2n ** 40n)]],
  'bigints to uint64': ['uint64', [2n ** 63n]],
  'booleans to bool': ['bool', [true, false, true], [3]],
  'bytes to bool': ['bool', new Uint8Array([1, 0]), [2, 1]],
  'bits to float16': ['float16', new Uint16Array([0x3c00])],
  'clamped bytes': ['uint8', new Uint8ClampedArray([1, 2])],
  'inferred float32': [new Float32Array(2), [2]],
  'inferred float64': [new Float64Array(2)],
  'inferred int64': [new BigInt64Array(2)],
  'inferred uint64': [new BigUint64Array(2)],
  'inferred int32': [new Int32Array(2), [1, 2]],
  'inferred int16': [new Int16Array(2)],
  'inferred int8': [new Int8Array(2)],
  'inferred uint32': [new Uint32Array(2)],
  'inferred uint16': [new Uint16Array(2)],
  'inferred uint8': [new Uint8Array(2)],
  'inferred from clamped bytes': [new Uint8ClampedArray(2)],
  'inferred bool': [[true, false]],
  pinned: [{ location: 'cpu-pinned', type: 'float32', data: new Float32Array(4), dims: [4] }],
};

for (const [name, args] of Object.entries(cases)) {
  test(`as in onnxruntime: ${name}`, async (t) => {
    const [ours, theirs] = [make('lanewise', args), make('onnxruntime', args)];
    for (const member of ['type', 'dims', 'size', 'data', 'location'] as const)
      t.deepEqual(ours[member], theirs[member], member);
    t.deepEqual(await ours.getData(), ours.data);
    const given = args.find((arg) => ArrayBuffer.isView(arg) && !(arg instanceof Uint8ClampedArray));
    if (given) t.is<unknown, unknown>(ours.data, given, 'referenced, not copied');
  });
}

type Wrong = readonly [args: Arguments, error: ErrorConstructor, message: RegExp, alsoThere?: boolean];
const wrong: readonly Wrong[] = [
  [[], TypeError, /data: expected a typed array or an array of booleans, got undefined/],
  [['float32'], TypeError, /data: expected a Float32Array for float32, got undefined/],
  [['float23', [1]], TypeError, /type: expected one of float32, .*bool, got 'float23'/],
  [['uint4', new Uint8Array(1), [2, 1, 2]], TypeError, /type: expected one of .*, got 'uint4'/, false],
  [['float32', new Int32Array(1)], TypeError, /expected a Float32Array for float32, got an Int32Array/],
  [['float32', ['1']], TypeError, /expected elements for float32, got '1' at index 0/, false],
  [['float32', [[1, 2], [3]]], TypeError, /expected elements for float32, got \[1, 2\] at index 0/, false],
  [['int64', [1, '2']], TypeError, /expected elements for int64, got '2' at index 1/, false],
  [['int64', [1.5]], RangeError, /1\.5/],
  [['int8', new Uint8ClampedArray(1)], TypeError, /expected an? Int8Array/],
  [[[1, 2, 3]], TypeError, /got an array of numbers, whose type has to be given/],
  [[[]], TypeError, /got an array of undefineds/],
  [['float32', [1, 2], 2], TypeError, /dims: expected an array of extents, got 2/],
  [['float32', [1, 2], ['2']], TypeError, /dims: expected extents that are numbers, got '2'/],
  [['float32', [1, 2], [-2]], RangeError, /dims: expected extents that are integers of at least 0, got \[-2\]/],
  [['float32', [1, 2], [1.5]], RangeError, /dims: expected extents that are integers/],
  [['float32', [1, 2], [3]], RangeError, /expected 3 elements for dims \[3\], got 2/],
  [
    [{ location: 'gpu-buffer', type: 'float32', dims: [1] }],
    TypeError,
    /location: expected 'cpu-pinned', got 'gpu-buffer'/,
    false,
  ],
];

test('what is no tensor', (t) => {
  for (const [args, instanceOf, message, alsoThere = true] of wrong) {
    t.throws(() => make('lanewise', args), { instanceOf, message }, JSON.stringify(args));
    if (alsoThere) t.throws(() => make('onnxruntime', args), { any: true }, `onnxruntime: ${JSON.stringify(args)}`);
  }
});

test('strings are refused where the tensor is made', (t) => {
  for (const args of [['string', ['a']], [['a', 'b']]])
    t.throws(() => make('lanewise', args), { instanceOf: TypeError, message: /got 'string'|array of strings/ });
});

test('reshape and dispose', async (t) => {
  for (const { Tensor } of Object.values(engines)) {
    const tensor = new Tensor('int32', [1, 2, 3, 4, 5, 6], [2, 3]);
    const other = tensor.reshape([3, 2]);
    t.deepEqual(other.dims, [3, 2]);
    t.is(other.data, tensor.data);
    t.throws(() => tensor.reshape([7]));
    tensor.dispose();
    t.is(tensor.location, 'none');
    t.throws(() => tensor.data, { message: /disposed/ });
    await t.throwsAsync(tensor.getData(), { message: /disposed/ });
    t.throws(() => tensor.reshape([6]), { message: /disposed/ });
    t.deepEqual([...other.data], [1, 2, 3, 4, 5, 6]);
  }
});

test('members for other memory say that there is none', async (t) => {
  const tensor = new ort.Tensor('float32', [1]);
  const refused = { instanceOf: TypeError, message: /needs a graphics device/ } as const;
  t.throws(() => tensor.texture, refused);
  t.throws(() => tensor.gpuBuffer, refused);
  t.throws(() => tensor.mlTensor, refused);
  t.throws(() => ort.Tensor.fromGpuBuffer({}), refused);
  t.throws(() => tensor.toDataURL(), { instanceOf: TypeError, message: /needs the canvas/ });
  await t.throwsAsync(ort.Tensor.fromImage('a.png'), { instanceOf: TypeError, message: /needs the canvas/ });
  t.is(ort.Tensor.fromPinnedBuffer('float32', new Float32Array(2)).location, 'cpu-pinned');
});
