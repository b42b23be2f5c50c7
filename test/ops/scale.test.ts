/** scaleChannels by its definition: sizes around the rows, the pieces of rows and the repeated factors of the kernels. */
import test from 'ava';
import { type Layout, scaleChannels, tensor } from 'lanewise';
import { count, Dice, isas } from '../support/operands.js';

/** [N, C, H, W]. */
const shapes = [
  [1, 1, 1, 1],
  [1, 1, 3, 5],
  [3, 1, 40, 50], // one factor for images that follow each other
  [2, 3, 37, 41], // 512 / 3 pixels have factors of their own
  [1, 3, 64, 64],
  [1, 7, 30, 31],
  [2, 16, 9, 9],
  [1, 511, 3, 3],
  [1, 512, 3, 3],
  [2, 513, 2, 3],
  [1, 5000, 1, 3], // longer than a piece of a row
  [3, 700, 1, 1],
  [70, 3, 1, 1],
] as const;

const layouts: readonly Layout[] = ['nchw', 'nhwc'];

for (const isa of isas) {
  test(`every layout and size: ${isa}`, (t) => {
    const dice = new Dice(1);
    for (const [n, c, h, w] of shapes) {
      const draw = (length: number) => dice.values([length]).data as Float32Array;
      const [x, scale, shift] = [draw(n * c * h * w), draw(c), draw(c)] as const;
      for (const layout of layouts) {
        const shape = layout === 'nchw' ? [n, c, h, w] : [n, h, w, c];
        const y = scaleChannels(tensor(x, shape), scale, { shift, layout, isa }).data as Float32Array;
        t.is(y.length, count(shape));
        const inner = layout === 'nchw' ? h * w : 1;
        const wrong = y.findIndex((value, i) => {
          const channel = Math.floor(i / inner) % c;
          const exact = x[i]! * scale[channel]! + shift[channel]!;
          // A product and a sum; the portable kernel rounds both.
          const bound = 2 ** -24 * (Math.abs(exact) + Math.abs(x[i]! * scale[channel]!));
          return !(Math.abs(value - exact) <= bound);
        });
        t.is(wrong, -1, `${layout} [${shape}]`);
      }
    }
  });
}
