/** NumPy's .npy files: little endian, C order, format versions 1 to 3; written as version 1. */
import { elementCount } from '../../graph/constant.js';
import { storageOf } from '../../graph/element-type.js';
import type { Constant, ElementType } from '../../graph/ir.js';
import { CommandError } from '../usage.js';

const magic = Buffer.from('\x93NUMPY', 'latin1');

/** NumPy's names of element types, without the byte order. */
const types: Readonly<Record<string, ElementType>> = {
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};
const codes = new Map(Object.entries(types).map(([code, type]) => [type, code]));

/** Where the header's text begins, and how many bytes tell its length. */
const versions: Readonly<Record<number, { readonly start: number; length(bytes: Buffer): number }>> = {
  1: { start: 10, length: (bytes) => bytes.readUInt16LE(8) },
  2: { start: 12, length: (bytes) => bytes.readUInt32LE(8) },
  3: { start: 12, length: (bytes) => bytes.readUInt32LE(8) },
};

/**
 * @param where how messages name the file
 * @throws CommandError when it is not a complete .npy file of a form that can be read
 */
export function readNpy(bytes: Uint8Array, where: string): Constant {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (reason: string) => new CommandError(`${where}: ${reason}`);
  if (file.length < 12 || !file.subarray(0, 6).equals(magic)) throw refuse('not a .npy file');
  const version = versions[file[6]!];
  if (!version) throw refuse(`.npy format version ${file[6]} is not known`);
  const begin = version.start + version.length(file);
  if (begin > file.length) throw refuse('the file ends inside its header');
  const header = file.toString('latin1', version.start, begin);
  const [, order = '', code = ''] = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d*)'/.exec(header) ?? [];
  const [, fortran] = /'fortran_order'\s*:\s*(True|False)/.exec(header) ?? [];
  const [, extents] = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header) ?? [];
  if (code === '') throw refuse('its elements have no simple type (a structured array or a damaged header)');
  if (fortran === undefined || extents === undefined) throw refuse('the header says neither order nor shape');
  const type = types[code];
  if (!type)
    throw refuse(`elements of type '${order}${code}' cannot be read; there are: ${Object.keys(types).join(', ')}`);
  const shape = (extents.match(/\d+/g) ?? []).map(Number);
  const { array } = storageOf(type)!;
  if (order === '>' && array.BYTES_PER_ELEMENT > 1) throw refuse("big endian; write it with array.astype('<f4')");
  if (fortran === 'True' && shape.length > 1)
    throw refuse('Fortran order; write it with numpy.ascontiguousarray(array)');
  const count = elementCount(shape);
  const expected = count * array.BYTES_PER_ELEMENT;
  const actual = file.length - begin;
  if (!Number.isSafeInteger(expected) || actual !== expected)
    throw refuse(`shape (${shape.join(', ')}) of ${type} needs ${expected} bytes, the file has ${actual}`);
  // A copy: the data need not be aligned in the file.
  return { type, shape, data: new array(new Uint8Array(file.subarray(begin)).buffer, 0, count) };
}

/** Data begins at a multiple of this, so that it can be mapped. */
const alignment = 64;

export function writeNpy({ type, shape, data }: Constant): Buffer {
  const code = codes.get(type);
  if (code === undefined) throw new CommandError(`elements of type ${type} cannot be written as .npy`);
  const order = data.BYTES_PER_ELEMENT > 1 ? '<' : '|';
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const start = versions[1]!.start;
  const begin = Math.ceil((start + text.length + 1) / alignment) * alignment;
  const header = Buffer.alloc(begin, ' ');
  magic.copy(header);
  header[6] = 1;
  header[7] = 0;
  header.writeUInt16LE(begin - start, 8);
  header.write(text, start, 'latin1');
  header[begin - 1] = 0x0a;
  return Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}
