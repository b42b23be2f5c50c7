/** Options of operators: every name known, every value checked before any work. */
import { describe, nearest, shapeText } from '../describe.js';
import type { Pads, Pair } from '../graph/plan-spec.js';
import { checkMemory, Tensor } from '../tensor.js';

/** One value per channel (or whatever the argument says): a tensor, a Float32Array, or plain numbers. */
export type Vector = Tensor | Float32Array | readonly number[];

/** How the caller's 4-D arrays are laid out: [N, C, H, W] or [N, H, W, C]. */
export type Layout = 'nchw' | 'nhwc';

/** The options, or none; an unknown name is an error, because a misspelt option would silently do nothing. */
export function checkOptions<O extends object>(
  op: string,
  options: O | undefined,
  known: readonly (keyof O & string)[],
): O {
  if (options === undefined) return {} as O;
  if (
    typeof options !== 'object' ||
    options === null ||
    Array.isArray(options) ||
    options instanceof Tensor ||
    ArrayBuffer.isView(options)
  ) {
    throw new TypeError(`${op}: options: expected an object, got ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if ((known as readonly string[]).includes(name)) continue;
    const meant = nearest(name, known);
    const help = meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean '${meant}'?`;
    throw new TypeError(`${op}: unknown option '${name}': ${help}`);
  }
  return options;
}

/** A finite number unless told otherwise, within bounds. */
export function checkNumber(
  op: string,
  name: string,
  value: unknown,
  { least = -Infinity, infinite = false } = {},
): number {
  if (typeof value !== 'number') throw new TypeError(`${op}: ${name}: expected a number, got ${describe(value)}`);
  if (Number.isNaN(value) || (!infinite && !Number.isFinite(value)) || value < least) {
    const expected = least === -Infinity ? 'a finite number' : `a finite number of at least ${least}`;
    throw new RangeError(`${op}: ${name}: expected ${infinite ? 'a number, not NaN' : expected}, got ${value}`);
  }
  return value;
}

/** Extents, strides and counts are kept below 2^31, far from where products of two would lose digits. */
const limit = 2 ** 31 - 1;

export function checkInteger(op: string, name: string, value: unknown, least: number, most = limit): number {
  if (typeof value !== 'number') throw new TypeError(`${op}: ${name}: expected an integer, got ${describe(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most === limit ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new RangeError(`${op}: ${name}: expected an integer ${range}, got ${value}`);
  }
  return value;
}

export function checkFlag(op: string, name: string, value: unknown, fallback = false): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new TypeError(`${op}: ${name}: expected true or false, got ${describe(value)}`);
  return value;
}

/** One of a list of words: no string is a TypeError, another word a RangeError that suggests. */
export function checkWord<W extends string>(op: string, name: string, value: unknown, words: readonly W[]): W {
  if (typeof value !== 'string')
    throw new TypeError(`${op}: ${name}: expected one of ${words.join(', ')}, got ${describe(value)}`);
  if ((words as readonly string[]).includes(value)) return value as W;
  const meant = nearest(value, words);
  throw new RangeError(
    `${op}: ${name}: expected one of ${words.join(', ')}, got '${value}'${meant ? `; did you mean '${meant}'?` : ''}`,
  );
}

export const checkLayout = (op: string, value: unknown): Layout =>
  value === undefined ? 'nchw' : checkWord(op, 'layout', value, ['nchw', 'nhwc']);

export function checkIntegers(
  op: string,
  name: string,
  value: unknown,
  least: number,
  most = limit,
): readonly number[] {
  if (!Array.isArray(value))
    throw new TypeError(`${op}: ${name}: expected an array of integers, got ${describe(value)}`);
  // Array.from: a hole in the array is a value that is missing, not one to skip.
  return Array.from(value as unknown[], (item, i) => checkInteger(op, `${name}[${i}]`, item, least, most));
}

/** `n` for both axes, or [h, w]. */
export function checkPair(op: string, name: string, value: unknown, least: number, fallback: number): Pair {
  if (value === undefined) return [fallback, fallback];
  if (!Array.isArray(value)) {
    if (typeof value !== 'number')
      throw new TypeError(`${op}: ${name}: expected a number or [h, w], got ${describe(value)}`);
    const both = checkInteger(op, name, value, least);
    return [both, both];
  }
  const pair = checkIntegers(op, name, value, least);
  if (pair.length !== 2) throw new RangeError(`${op}: ${name}: expected a number or [h, w], got ${shapeText(pair)}`);
  return [pair[0]!, pair[1]!];
}

/** `n` on all sides, [h, w], [top, left, bottom, right], 'valid' (none), or 'same' (the output has ceil(input/stride)). */
export type Padding = number | readonly [number, number] | readonly [number, number, number, number] | 'same' | 'valid';

/** The numbers of a {@link Padding}; 'same' is worked out from extents, with the odd element at the bottom and right. */
export function checkPadding(op: string, value: unknown, same: () => Pads): Pads {
  if (value === undefined) return [0, 0, 0, 0];
  if (typeof value === 'string')
    return checkWord(op, 'padding', value, ['same', 'valid']) === 'same' ? same() : [0, 0, 0, 0];
  if (typeof value === 'number') {
    const all = checkInteger(op, 'padding', value, 0);
    return [all, all, all, all];
  }
  const expected = "a number, [h, w], [top, left, bottom, right], 'same' or 'valid'";
  if (!Array.isArray(value)) throw new TypeError(`${op}: padding: expected ${expected}, got ${describe(value)}`);
  const [a = 0, b = 0, c = 0, d = 0] = checkIntegers(op, 'padding', value, 0);
  if (value.length === 2) return [a, b, a, b];
  if (value.length === 4) return [a, b, c, d];
  throw new RangeError(`${op}: padding: expected ${expected}, got ${describe(value)}`);
}

/** The elements of a vector; `length` null means any, `what` says what they are. */
export function checkVector(
  op: string,
  name: string,
  value: unknown,
  length: number | null,
  what = 'values',
): Float32Array {
  const data = vectorData(`${op}: ${name}`, value, length);
  if (length !== null && data.length !== length)
    throw new RangeError(`${op}: ${name}: expected ${length} ${what}, got ${data.length}`);
  return data;
}

function vectorData(where: string, value: unknown, length: number | null): Float32Array {
  if (value instanceof Tensor && value.type === 'float32') value = value.data;
  if (value instanceof Float32Array) {
    // An array without a shape has any length, but a detached one has none.
    checkMemory(where, value, value.buffer.byteLength === 0 && length !== 0 ? [length ?? 1] : null);
    return value;
  }
  if (!Array.isArray(value)) {
    const got = value instanceof Tensor ? `a ${value.type} Tensor` : describe(value);
    throw new TypeError(`${where}: expected a float32 Tensor, a Float32Array or an array of numbers, got ${got}`);
  }
  const stranger = value.findIndex((item) => typeof item !== 'number');
  if (stranger >= 0)
    throw new TypeError(`${where}: expected numbers, got ${describe(value[stranger])} at index ${stranger}`);
  return Float32Array.from(value as number[]);
}

/** An axis, counted from the end when negative. */
export function checkAxis(op: string, name: string, value: unknown, rank: number): number {
  const axis = checkInteger(op, name, value, -rank, rank - 1);
  return axis < 0 ? axis + rank : axis;
}

export function checkRank(op: string, name: string, { shape }: Tensor, rank: number, words: string): void {
  if (shape.length !== rank)
    throw new RangeError(`${op}: ${name}: expected rank ${rank} (${words}), got shape ${shapeText(shape)}`);
}
