/** Row-major float64 tensors. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

export function offsetOf(shape: readonly number[], index: readonly number[]): number {
  let offset = 0;
  for (const [axis, extent] of shape.entries()) {
    const i = index[axis]!;
    if (!(i >= 0 && i < extent)) throw new RangeError(`index [${index}] is outside [${shape}]`);
    offset = offset * extent + i;
  }
  return offset;
}

export const at = ({ shape, data }: Dense, ...index: number[]): number => data[offsetOf(shape, index)]!;

/** Every index of a shape in row-major order. */
export function eachIndex(shape: readonly number[], visit: (index: number[], position: number) => void): void {
  const total = count(shape);
  for (let position = 0; position < total; position++) {
    const index = new Array<number>(shape.length);
    for (let axis = shape.length - 1, rest = position; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    visit(index, position);
  }
}
