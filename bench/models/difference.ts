/** How far the results of two engines are apart. */

/** Largest difference of any output, relative to the largest value of that output. */
export function largestDifference(
  ours: ReadonlyMap<string, Float32Array>,
  rival: ReadonlyMap<string, Float32Array>,
): number {
  let worst = 0;
  for (const [name, expected] of rival) {
    const actual = ours.get(name);
    if (actual?.length !== expected.length) return Number.NaN;
    let difference = 0;
    let largest = 0;
    for (const [i, value] of expected.entries()) {
      const distance = Math.abs((actual[i] ?? Number.NaN) - value);
      if (Number.isNaN(distance)) return Number.NaN;
      difference = Math.max(difference, distance);
      largest = Math.max(largest, Math.abs(value));
    }
    worst = Math.max(worst, difference / largest);
  }
  return worst;
}
