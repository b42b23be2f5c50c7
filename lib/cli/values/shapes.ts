/** The shapes inputs will have: what the model declares, completed by what was typed. */
import { nearest } from '../../describe.js';
import type { Dim } from '../../graph/ir.js';
import type { ShapeOption } from '../options.js';
import { shapeText } from '../terminal/format.js';
import { UsageError } from '../usage.js';

export interface Port {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly Dim[];
}

/** Extents that are not known are undefined. */
export type OpenShape = readonly (number | undefined)[];

export function portNamed(inputs: readonly Port[], name: string): Port {
  const found = inputs.find((input) => input.name === name);
  if (found) return found;
  const names = inputs.map((input) => input.name);
  const near = nearest(name, names);
  throw new UsageError(
    `the model has no input '${name}'${near ? ` (did you mean '${near}'?)` : `; it has ${names.join(', ')}`}`,
  );
}

/** Which input `--shape` speaks of. */
function portOf(inputs: readonly Port[], { name }: ShapeOption): Port {
  if (name !== '') return portNamed(inputs, name);
  if (inputs.length === 1) return inputs[0]!;
  throw new UsageError(`--shape: the model has ${inputs.length} inputs, say NAME=EXTENTS for one of them`);
}

function checkFits(port: Port, shape: readonly number[]): void {
  const fits = shape.length === port.shape.length;
  if (fits && port.shape.every((extent, axis) => typeof extent === 'string' || extent === shape[axis])) return;
  throw new UsageError(`--shape: input '${port.name}' has shape ${shapeText(port.shape)}, got ${shapeText(shape)}`);
}

/**
 * Extents of every input, with one name one extent. A first axis that is left open becomes 1 where nothing says otherwise: it
 * is the batch.
 */
export function openShapes(inputs: readonly Port[], typed: readonly ShapeOption[] = []): Map<string, OpenShape> {
  const bound = new Map<string, number>();
  const chosen = new Map<string, readonly number[]>();
  for (const option of typed) {
    const port = portOf(inputs, option);
    checkFits(port, option.shape);
    chosen.set(port.name, option.shape);
    for (const [axis, extent] of port.shape.entries())
      if (typeof extent === 'string') bound.set(extent, option.shape[axis]!);
  }
  const openExtent = (extent: Dim, axis: number): number | undefined =>
    typeof extent === 'number' ? extent : (bound.get(extent) ?? (axis === 0 ? 1 : undefined));
  return new Map(inputs.map(({ name, shape }) => [name, chosen.get(name) ?? shape.map(openExtent)]));
}

export const isKnown = (shape: OpenShape): shape is readonly number[] => !shape.includes(undefined);

/** The shapes when every extent is known. @throws UsageError that names what has to be given */
export function knownShapes(
  inputs: readonly Port[],
  typed: readonly ShapeOption[] = [],
): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, shape] of openShapes(inputs, typed)) {
    if (!isKnown(shape)) {
      const port = portNamed(inputs, name);
      throw new UsageError(
        `input '${name}' has shape ${shapeText(port.shape)}: give it with --shape ${name}=${exampleShape(shape)}`,
      );
    }
    shapes[name] = shape;
  }
  return shapes;
}

/** `1x3xHxW` */
export const exampleShape = (shape: OpenShape): string => {
  const letters = shape.length === 4 ? ['N', 'C', 'H', 'W'] : shape.map((_, axis) => `D${axis}`);
  return shape.map((extent, axis) => extent ?? letters[axis]).join('x');
};
