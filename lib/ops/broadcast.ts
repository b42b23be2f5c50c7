/** Broadcasting as in NumPy and ONNX: shapes are aligned at their last axis, and an extent of 1 is repeated. */
import { shapeText } from '../describe.js';

/** @throws RangeError when extents differ and none of them is 1 */
export function broadcastShape(op: string, a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1) {
      throw new RangeError(
        `${op}: expected shapes that broadcast to each other, got ${shapeText(a)} and ${shapeText(b)}`,
      );
    }
    return x === 1 ? y : x;
  });
}
