// One small convolution through the whole package, against a plain loop. An argument names the ISA that must be active.
import assert from 'node:assert/strict';
import { conv2d, cpuInfo, tensor } from 'lanewise';

const expected = process.argv[2];
const info = cpuInfo();
if (expected) assert.equal(info.active, expected, `active is ${info.active}, detected ${info.detected}`);

const [channels, size, filters] = [5, 7, 11];
const value = (i) => ((i * 7) % 13) - 6;
const x = Float32Array.from({ length: channels * size * size }, (_, i) => value(i));
const w = Float32Array.from({ length: filters * channels * 9 }, (_, i) => value(i + 3));
const y = conv2d(tensor(x, [1, channels, size, size]), tensor(w, [filters, channels, 3, 3]), { padding: 1 });
assert.deepEqual([...y.shape], [1, filters, size, size]);

// Small integers: every order of summation gives the same number.
for (let f = 0; f < filters; f++) {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) {
        for (let tap = 0; tap < 9; tap++) {
          const [r, k] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
          if (r < 0 || r >= size || k < 0 || k >= size) continue;
          sum += x[(c * size + r) * size + k] * w[(f * channels + c) * 9 + tap];
        }
      }
      assert.equal(y.data[(f * size + row) * size + column], sum);
    }
  }
}
assert.throws(() => conv2d(tensor(x, [1, channels, size, size]), tensor(w, [filters, channels, 3, 3]), { stride: 0 }));
console.log(`smoke: ${process.arch} ${info.active}: convolution is exact`);
