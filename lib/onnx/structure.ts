/**
 * Reads a model file without its large weights. What is left out is left zero, so that everything has its place in the
 * array: memory that nobody writes is none, and the weights can be found in the file where they would be in the array.
 */

/** A payload of this size or larger stays in the file; smaller ones are cheaper to read along. */
export const storedFrom = 1 << 16;

/** What is read at once where it is not known what comes. */
const chunkBytes = 1 << 16;

/** Fields on the way to the payloads: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data. */
const path = [7, 5, 9] as const;

enum Wire {
  varint = 0,
  fixed64 = 1,
  bytes = 2,
  fixed32 = 5,
}

/** Fills `into` from position `at` of the file. */
export type ReadAt = (into: Uint8Array, at: number) => Promise<void>;

/** The bytes read so far, without gaps since the last skip. */
class Window {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #read: ReadAt;
  #loaded = 0;

  constructor(size: number, read: ReadAt) {
    this.bytes = new Uint8Array(size);
    this.#read = read;
  }

  /** Bytes before `end` are there (as far as the file goes). */
  has(end: number): boolean {
    return Math.min(end, this.bytes.length) <= this.#loaded;
  }

  async load(end: number): Promise<void> {
    const to = Math.min(Math.max(end, this.#loaded + chunkBytes), this.bytes.length);
    await this.#read(this.bytes.subarray(this.#loaded, to), this.#loaded);
    this.#loaded = to;
  }

  skipTo(position: number): void {
    this.#loaded = Math.max(this.#loaded, position);
  }
}

/** Longest tag and length of a field. */
const maxHeader = 20;

/** Where the walk is in the bytes; a number that is no varint is NaN. */
class Cursor {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const byte = this.bytes[this.at++] ?? Number.NaN;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return Number.NaN;
  }

  /** Steps over the value of a field that is not `bytes`; false for a wire type that does not belong here. */
  skip(wire: number): boolean {
    if (wire === Wire.fixed32) this.at += 4;
    else if (wire === Wire.fixed64) this.at += 8;
    else if (wire === Wire.varint) while ((this.bytes[this.at++] ?? 0) >= 128);
    else return false;
    return true;
  }
}

/**
 * The bytes of the model file but for payloads of `storedFrom` bytes and more of its initializers. Where the file does not look
 * like a model the rest of it is read as it is: saying what is wrong is the decoder's.
 * @param size of the file
 */
export async function readStructure(size: number, read: ReadAt): Promise<Uint8Array<ArrayBuffer>> {
  const window = new Window(size, read);
  const cursor = new Cursor(window.bytes);
  /** Ends of the messages that the walk is in, outermost first. */
  const ends = [size];
  const giveUp = async () => {
    if (!window.has(size)) await window.load(size);
    return window.bytes;
  };
  for (;;) {
    while (ends.length > 0 && cursor.at === ends.at(-1)) ends.pop();
    const end = ends.at(-1);
    if (end === undefined) return window.bytes;
    if (!window.has(cursor.at + maxHeader)) await window.load(cursor.at + maxHeader);
    const tag = cursor.varint();
    if (tag % 8 !== Wire.bytes) {
      if (!cursor.skip(tag % 8) || cursor.at > end) return giveUp();
      continue;
    }
    const length = cursor.varint();
    const after = cursor.at + length;
    if (!(after <= end)) return giveUp();
    const onPath = Math.floor(tag / 8) === path[ends.length - 1];
    if (onPath && ends.length < path.length) {
      ends.push(after);
      continue;
    }
    if (onPath && length >= storedFrom) window.skipTo(after);
    else if (!window.has(after)) await window.load(after);
    cursor.at = after;
  }
}
