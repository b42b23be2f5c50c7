import test from 'ava';
import { steadyRounds } from '../../bench/report/peak.js';
import { geometricMean, median, quantile } from '../../bench/report/statistics.js';
import { scalingResult } from '../../bench/scaling/section.js';
import { network, round } from './documents.js';

test('quantiles lie between neighbours, whatever the order', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(quantile([10, 0], 0.25), 2.5);
  t.is(quantile([7], 0.75), 7);
  t.is(quantile([5, 1, 3], 1), 5);
});

test('a geometric mean takes twice and half for nothing', (t) => {
  t.true(Math.abs(geometricMean([2, 0.5]) - 1) < 1e-15);
  t.true(Math.abs(geometricMean([1, 2, 4]) - 2) < 1e-15);
});

test('disturbed rounds are left out, unless they are most', (t) => {
  const [steady, disturbed] = [round(1, 1), round(9, 9, false)];
  t.deepEqual(steadyRounds([steady, disturbed, steady]), { kept: [steady, steady], noisy: false });
  t.deepEqual(steadyRounds([steady, disturbed]), { kept: [steady], noisy: false });
  t.deepEqual(steadyRounds([disturbed, steady, disturbed]), { kept: [disturbed, steady, disturbed], noisy: true });
});

test('a network is judged by the ratios of its rounds', (t) => {
  const result = network('Net', [round(2, 4), round(4, 20), round(1, 9, false), round(2, 6)], 2);
  t.is(result.speedup, 3); // of 2, 5, 3
  t.deepEqual(result.quartiles, [2.5, 4]);
  t.is(result.oursMs, 2);
  t.is(result.rivalMs, 6);
  t.is(result.oursOfPeak, 0.25); // 0.1 GFLOP in 2 ms are 50 GFLOP/s, of 2 x 100
  t.deepEqual([result.rounds, result.kept, result.noisy], [4, 3, false]);
  t.is(result.measurements.length, 4);
});

test('a speed-up is over the first number of threads, of each engine alone', (t) => {
  const races = [1, 2].map((threads) => ({ ...network('Net', [round(6 / threads, 8 - threads)], threads), threads }));
  const { points } = scalingResult('net', 'Net', races);
  t.deepEqual(
    points.map(({ threads, oursGain, rivalGain }) => [threads, oursGain, rivalGain]),
    [
      [1, 1, 1],
      [2, 2, 7 / 6],
    ],
  );
});
