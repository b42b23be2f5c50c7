/** Tensors as JSON: nested arrays, or `{"shape": [...], "data": [...]}` with the elements in a row. */
import { elementCount } from '../../graph/constant.js';
import type { Constant } from '../../graph/ir.js';
import { CommandError } from '../usage.js';

/** Extents of nested arrays, told by the first of each. */
function extentsOf(value: unknown): number[] {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

function flatten(value: unknown, shape: readonly number[], path: string, into: number[]): void {
  const [extent, ...rest] = shape;
  if (extent === undefined) {
    if (typeof value === 'boolean') value = Number(value);
    if (typeof value !== 'number') throw new CommandError(`${path}: expected a number, got ${JSON.stringify(value)}`);
    into.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== extent)
    throw new CommandError(`${path}: expected an array of ${extent} like the first one`);
  for (const [i, item] of value.entries()) flatten(item, rest, `${path}[${i}]`, into);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function readJson(text: string, where: string): Constant {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${where}: not JSON: ${(error as Error).message}`);
  }
  const content = isObject(parsed) ? parsed['data'] : parsed;
  if (!Array.isArray(content))
    throw new CommandError(`${where}: expected nested arrays of numbers, or {"shape": [...], "data": [...]}`);
  const values: number[] = [];
  const nested = extentsOf(content);
  flatten(content, nested, where, values);
  const shape = isObject(parsed) && 'shape' in parsed ? parsed['shape'] : nested;
  const extents = Array.isArray(shape) && shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
  if (!extents || elementCount(shape as number[]) !== values.length)
    throw new CommandError(`${where}: the shape is ${JSON.stringify(shape)}, but there are ${values.length} numbers`);
  // Doubles until the model says what it wants.
  return { type: 'float64', shape: shape as number[], data: Float64Array.from(values) };
}

export function writeJson({ type, shape, data }: Constant): string {
  const elements = Array.from<number | bigint, number | string | null>(data, (value) => {
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    return Number.isFinite(value) ? value : null;
  });
  return `${JSON.stringify({ type, shape, data: elements })}\n`;
}
