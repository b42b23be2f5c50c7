/** .npy files against bytes that NumPy wrote, and against damage. */
import test from 'ava';
import { readNpy, writeNpy } from '#lib/cli/values/npy.js';
import { constantOf, numbersOf } from '#lib/graph/constant.js';
import type { ElementType } from '#lib/graph/ir.js';

/** A file as NumPy lays it out. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const text = `${header}${' '.repeat((64 - ((start + header.length + 1) % 64)) % 64)}\n`;
  const head = Buffer.alloc(start);
  head.write('\x93NUMPY', 'latin1');
  head[6] = version;
  if (version === 1) head.writeUInt16LE(text.length, 8);
  else head.writeUInt32LE(text.length, 8);
  return Buffer.concat([head, Buffer.from(text, 'latin1'), data]);
}

const header = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

const types: readonly [ElementType, string][] = [
  ['float32', '<f4'],
  ['float64', '<f8'],
  ['int8', '|i1'],
  ['int16', '<i2'],
  ['int32', '<i4'],
  ['int64', '<i8'],
  ['uint8', '|u1'],
  ['uint16', '<u2'],
  ['uint32', '<u4'],
  ['uint64', '<u8'],
  ['bool', '|b1'],
];

for (const [type, descr] of types) {
  test(`${type}: written as NumPy does, read again`, (t) => {
    const value = constantOf(type, [2, 3], [0, 1, 1, 0, 1, 0]);
    const bytes = new Uint8Array(value.data.buffer as ArrayBuffer);
    const expected = npy(header(descr, '(2, 3)'), bytes);
    t.deepEqual(new Uint8Array(writeNpy(value)), new Uint8Array(expected));
    for (const version of [1, 2, 3]) {
      const read = readNpy(npy(header(descr, '(2, 3)'), bytes, version), 'x.npy');
      t.is(read.type, type);
      t.deepEqual(read.shape, [2, 3]);
      t.deepEqual(numbersOf(read), [0, 1, 1, 0, 1, 0]);
    }
  });
}

// numpy.save of numpy.float32(1.5) and of numpy.arange(3, dtype='<i2'), byte for byte.
const scalar = `93 4e 55 4d 50 59 01 00 76 00 ${Buffer.from(`{'descr': '<f4', 'fortran_order': False, 'shape': (), }${' '.repeat(62)}\n`).toString('hex')} 00 00 c0 3f`;
const vector = `93 4e 55 4d 50 59 01 00 76 00 ${Buffer.from(`{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }${' '.repeat(60)}\n`).toString('hex')} 00 00 01 00 02 00`;
const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

test('a scalar and a vector, byte for byte', (t) => {
  const one = readNpy(bytesOf(scalar), 'x.npy');
  t.deepEqual([one.shape, numbersOf(one)], [[], [1.5]]);
  t.deepEqual(writeNpy({ ...one, data: Float32Array.of(1.5) }).subarray(10, 60), bytesOf(scalar).subarray(10, 60));
  const three = readNpy(bytesOf(vector), 'x.npy');
  t.deepEqual([three.type, three.shape, numbersOf(three)], ['int16', [3], [0, 1, 2]]);
});

const good = header('<f4', '(2,)');
const damaged: readonly [what: string, bytes: Uint8Array, says: RegExp][] = [
  ['another file', Buffer.from('PK\x03\x04 and so on, long enough'), /not a \.npy file/],
  ['an empty file', new Uint8Array(0), /not a \.npy file/],
  ['a later version', npy(good, new Uint8Array(8), 9), /version 9 is not known/],
  ['a header cut short', npy(good, new Uint8Array(8)).subarray(0, 30), /ends inside its header/],
  ['data cut short', npy(good, new Uint8Array(7)), /needs 8 bytes, the file has 7/],
  ['data too long', npy(good, new Uint8Array(9)), /needs 8 bytes, the file has 9/],
  ['big endian', npy(header('>f4', '(2,)'), new Uint8Array(8)), /big endian.*astype/],
  ['Fortran order', npy(header('<f4', '(2, 1)', 'True'), new Uint8Array(8)), /Fortran order.*ascontiguousarray/],
  ['complex numbers', npy(header('<c8', '(1,)'), new Uint8Array(8)), /elements of type '<c8' cannot be read/],
  [
    'records',
    npy(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }`, new Uint8Array(8)),
    /structured/,
  ],
  ['no shape', npy(`{'descr': '<f4', 'fortran_order': False, }`, new Uint8Array(8)), /neither order nor shape/],
  ['a shape beyond memory', npy(header('<f4', '(99999999999, 99999999999)'), new Uint8Array(8)), /needs/],
];

for (const [what, bytes, says] of damaged) {
  test(`${what} is refused`, (t) => {
    t.throws(() => readNpy(bytes, 'x.npy'), { name: 'CommandError', message: says });
  });
}
