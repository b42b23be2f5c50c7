/** The layers of a network, each with its median time. */
import type { ProfileStep } from 'lanewise';
import { median } from '../report/statistics.js';
import type { LayerTime } from './result.js';

const profiles = 9;

export function layerTimes(profile: () => readonly ProfileStep[]): LayerTime[] {
  profile(); // another engine's data is in the caches
  const runs = Array.from({ length: profiles }, profile);
  const [first = []] = runs;
  return first.map(({ name, op, kernel, macs, bytes }, i) => {
    const ms = median(runs.map((steps) => steps[i]?.ms ?? Number.NaN));
    return { name, op, kernel, macs, bytes, ms };
  });
}
