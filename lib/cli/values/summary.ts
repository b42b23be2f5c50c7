/** A tensor in a few numbers. */
import type { Constant } from '../../graph/ir.js';

export interface Summary {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** null for an empty tensor. NaN wherever an element is. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly first: readonly (number | bigint)[];
}

const shown = 8;

export function summaryOf(name: string, { type, shape, data }: Constant): Summary {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  const some = data.length > 0;
  return {
    name,
    type,
    shape,
    min: some ? min : null,
    max: some ? max : null,
    mean: some ? sum / data.length : null,
    first: Array.from<number | bigint>(data.slice(0, shown) as ArrayLike<number>),
  };
}

export interface Ranked {
  readonly index: number;
  readonly value: number;
  readonly label?: string;
}

/** The `k` largest of each row, a row being the last axis: the classes of one image. */
export function topOf({ shape, data }: Constant, k: number, labels: readonly string[] | undefined): Ranked[][] {
  const width = shape.at(-1) ?? 1;
  const rows: Ranked[][] = [];
  for (let start = 0; start < data.length; start += width) {
    const order = Array.from({ length: width }, (_, index) => ({ index, value: Number(data[start + index]) }));
    order.sort((a, b) => b.value - a.value || a.index - b.index);
    rows.push(
      order.slice(0, k).map(({ index, value }) => {
        const label = labels?.[index];
        return label === undefined ? { index, value } : { index, value, label };
      }),
    );
  }
  return rows;
}
