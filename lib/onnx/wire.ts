/**
 * Protocol buffers, field by field, for `messages.ts`. Written by hand because a model is loaded by code that has never run: a decoder
 * that is driven by descriptors takes longer to get ready than this one to decode.
 *
 * What the caller builds is paid for before it is built. Two bytes of a file become an empty node of hundreds of bytes, and a
 * JavaScript heap that is full ends the process: no error can be caught then.
 */
import { Buffer } from 'node:buffer';
import { type AllLimits, checkDecodedHeap, checkLimit } from '../limits.js';
import { formatError } from './format-error.js';

/** Bytes of heap, rounded up from what V8 was seen to take. */
export const heapCosts = { message: 512, number: 16, bigint: 48, text: 64, view: 128 } as const;

/** Messages inside of each other; a body inside a body takes three. */
export const maxDepth = 64;

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
type WireType = (typeof wireTypes)[keyof typeof wireTypes];

const incomplete = (why: string) => formatError(`not a complete ONNX file: ${why}`);

/** Bytes of the file that are not looked into. */
export interface Payload {
  /** Where they are in the file. */
  readonly offset: number;
  readonly length: number;
  /** A view; undefined where they were left out. */
  readonly bytes: Uint8Array | undefined;
}

const noGaps: Float64Array = new Float64Array(0);

export class WireReader {
  /** Number of the field that {@link next} has found. */
  field = 0;
  #wireType = 0;
  /** In the file, as all positions. */
  #pos = 0;
  /** Of the message at hand. */
  #end: number;
  /** Bytes before `#pos` that were left out. */
  #missing = 0;
  #nextGap = 0;
  #depth = 0;
  #heap: number = heapCosts.message;
  #nodes = 0;
  /** The last varint, as two's complement. */
  #low = 0;
  #high = 0;
  readonly #bytes: Buffer<ArrayBufferLike>;
  readonly #limits: AllLimits;
  readonly #gaps: Float64Array;

  /** @param gaps parts of the file that `bytes` lack, each a whole {@link payload}: pairs of the first byte and the end */
  constructor(bytes: Uint8Array, limits: AllLimits, gaps = noGaps) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = gaps.reduce((size, at, i) => size + (i % 2 ? at : -at), bytes.length);
    this.#limits = limits;
    this.#gaps = gaps;
  }

  /** Goes to the next field of the message; false behind the last one. A field has to be read or skipped. */
  next(): boolean {
    if (this.#pos === this.#end) return false;
    this.#varint();
    this.field = this.#low >>> 3;
    this.#wireType = this.#low & 7;
    if (this.#high !== 0 || this.field === 0) throw incomplete('a tag that is none');
    return true;
  }

  skip(): void {
    this.#spend(heapCosts.message); // who rewrites the file keeps the field
    switch (this.#wireType) {
      case wireTypes.varint:
        this.#varint();
        return;
      case wireTypes.bytes: {
        const length = this.#length();
        this.#pos += length;
        return;
      }
      default:
        this.#fixed(this.#wireType === wireTypes.fixed32 ? 4 : 8);
    }
  }

  /** Reads a message by `fill`, which gets the fields that are found put into `target`. */
  message<M>(fill: (reader: WireReader, target: M) => void, target: M): M {
    this.#spend(heapCosts.message);
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#pos + length;
    if (++this.#depth > maxDepth) throw formatError(`messages nest more than ${maxDepth} deep`);
    fill(this, target);
    this.#depth--;
    this.#end = outer;
    return target;
  }

  /** @throws LanewiseError ERR_LIMIT when there are too many */
  countNode(): void {
    checkLimit(this.#limits, 'maxNodes', ++this.#nodes, 'the model: nodes');
  }

  text(): string {
    const length = this.#length();
    this.#spend(heapCosts.text + 2 * length);
    const begin = this.#pos - this.#missing;
    this.#pos += length;
    return this.#bytes.toString('utf8', begin, begin + length);
  }

  payload(): Payload {
    const length = this.#length();
    this.#spend(heapCosts.view);
    const offset = this.#pos;
    this.#pos += length;
    if (this.#gaps[this.#nextGap] === offset) {
      this.#nextGap += 2;
      this.#missing += length;
      return { offset, length, bytes: undefined };
    }
    const { buffer, byteOffset } = this.#bytes;
    return { offset, length, bytes: new Uint8Array(buffer, byteOffset + offset - this.#missing, length) };
  }

  /** A signed integer of 32 or 64 bits, rounded to a double. */
  integer(): number {
    this.#expect(wireTypes.varint);
    return this.#integer();
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#fixed(4));
  }

  // Fields of many numbers: packed into one, or each a field of its own.

  integers(into: number[]): void {
    this.#each(wireTypes.varint, () => {
      this.#spend(heapCosts.number);
      into.push(this.#integer());
    });
  }

  bigints(into: bigint[]): void {
    this.#each(wireTypes.varint, () => {
      this.#spend(heapCosts.bigint);
      this.#varint();
      into.push((BigInt(this.#high) << 32n) | BigInt(this.#low >>> 0));
    });
  }

  floats(into: number[]): void {
    this.#each(wireTypes.fixed32, () => {
      this.#spend(heapCosts.number);
      into.push(this.float());
    });
  }

  doubles(into: number[]): void {
    this.#each(wireTypes.fixed64, () => {
      this.#spend(heapCosts.number);
      into.push(this.#bytes.readDoubleLE(this.#fixed(8)));
    });
  }

  #each(wireType: WireType, read: () => void): void {
    if (this.#wireType !== wireTypes.bytes) {
      this.#expect(wireType);
      read();
      return;
    }
    const length = this.#length();
    const end = this.#pos + length;
    this.#wireType = wireType;
    while (this.#pos < end) read();
    if (this.#pos > end) throw incomplete('a number is longer than its field');
  }

  #expect(wireType: WireType): void {
    if (this.#wireType !== wireType)
      throw incomplete(`field ${this.field} has wire type ${this.#wireType} in the place of ${wireType}`);
  }

  /** Goes over `size` bytes and says where they are in `#bytes`. */
  #fixed(size: 4 | 8): number {
    this.#expect(size === 4 ? wireTypes.fixed32 : wireTypes.fixed64);
    const begin = this.#pos - this.#missing;
    this.#pos += size;
    if (this.#pos > this.#end) throw incomplete('a number is longer than its message');
    return begin;
  }

  /** Of a field of bytes, which are all there. */
  #length(): number {
    this.#expect(wireTypes.bytes);
    this.#varint();
    const length = this.#low >>> 0;
    if (this.#high !== 0 || length > this.#end - this.#pos) throw incomplete('a field is longer than its message');
    return length;
  }

  #integer(): number {
    this.#varint();
    return this.#high * 2 ** 32 + (this.#low >>> 0);
  }

  #varint(): void {
    const first = this.#pos < this.#end ? this.#bytes[this.#pos - this.#missing]! : 128;
    if (first < 128) {
      // Nearly all of them.
      this.#pos++;
      this.#low = first;
      this.#high = 0;
      return;
    }
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#pos === this.#end) break;
      const byte = this.#bytes[this.#pos++ - this.#missing]!;
      const bits = byte & 127;
      if (shift < 32) low |= bits << shift;
      if (shift > 28) high |= bits << (shift - 32);
      else if (shift === 28) high = bits >> 4;
      if (byte < 128) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw incomplete('a number that does not end');
  }

  #spend(bytes: number): void {
    this.#heap += bytes;
    checkDecodedHeap(this.#limits, this.#heap);
  }
}
