/** A profile that one slow moment cannot spoil, and its tables. */
import type { Model, Feeds as ModelFeeds } from '../../model.js';
import { Profile, type ProfileStep } from '../../profile.js';
import { quantile } from '../engines/race.js';
import { count, percent } from '../terminal/format.js';
import { Progress } from '../terminal/progress.js';
import type { Column } from '../terminal/screen.js';
import type { Feeds } from '../values/feeds.js';

const warmupRuns = 3;

/** The median time of every step over `runs` runs. */
export async function profileModel(model: Model, feeds: Feeds, runs: number): Promise<Profile> {
  const given = feeds as ModelFeeds;
  for (let i = 0; i < warmupRuns; i++) await model.run(given);
  const profiles: Profile[] = [];
  const progress = new Progress('profiling');
  for (let i = 0; i < runs; i++) {
    profiles.push(await model.profile(given));
    await progress.at((i + 1) / runs);
  }
  progress.end();
  const { steps } = profiles[0]!;
  const medians = steps.map((_, i) =>
    quantile(Float64Array.from(profiles, (profile) => profile.steps[i]!.ms).sort(), 0.5),
  );
  return new Profile(steps, Float64Array.from(medians));
}

/** The `k` steps that take longest, longest first. */
export const topSteps = (steps: readonly ProfileStep[], k: number): ProfileStep[] =>
  [...steps].sort((a, b) => b.ms - a.ms).slice(0, k);

export const stepColumns: readonly Column<ProfileStep>[] = [
  { title: 'layer', elastic: 'cut', cell: ({ name }) => name },
  { title: 'step', cell: ({ op }) => op },
  { title: 'kernel', cell: ({ kernel }) => kernel },
  { title: 'ms', align: 'right', cell: ({ ms }) => ms.toFixed(3) },
  { title: 'share', align: 'right', cell: ({ share }) => percent(share) },
  { title: 'MACs', align: 'right', cell: ({ macs }) => (macs === 0 ? '' : count(macs)) },
  { title: 'GFLOP/s', align: 'right', cell: ({ macs, gflops }) => (macs === 0 ? '' : gflops.toFixed(1)) },
];

export interface OperatorTime {
  readonly op: string;
  readonly steps: number;
  readonly ms: number;
  readonly share: number;
}

/** Time per kind of step, longest first. */
export function byOperator({ steps, totalMs }: Profile): OperatorTime[] {
  const totals = new Map<string, { steps: number; ms: number }>();
  for (const { op, ms } of steps) {
    const total = totals.get(op) ?? { steps: 0, ms: 0 };
    totals.set(op, { steps: total.steps + 1, ms: total.ms + ms });
  }
  return [...totals]
    .map(([op, total]) => ({ op, ...total, share: totalMs > 0 ? total.ms / totalMs : 0 }))
    .sort((a, b) => b.ms - a.ms);
}

export const operatorColumns: readonly Column<OperatorTime>[] = [
  { title: 'step', cell: ({ op }) => op },
  { title: 'how many', align: 'right', cell: ({ steps }) => String(steps) },
  { title: 'ms', align: 'right', cell: ({ ms }) => ms.toFixed(3) },
  { title: 'share', align: 'right', cell: ({ share }) => percent(share) },
];
