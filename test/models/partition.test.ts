/**
 * How every network of the zoo is divided among 4 to 64 threads, by simulation: this machine has few processors. The work
 * of a step is taken as what one core would need for its arithmetic and its bytes; its items as equal; and threads take
 * them in shares, as the pool does before anyone helps out.
 */
import test from 'ava';
import { loadModel } from '#lib/model.js';
import type { ProfileStep } from '#lib/profile.js';
import { tensor } from '#lib/tensor.js';
import { networks, type ZooName, zooInput, zooModel, zooNames } from '../../bench/zoo/index.js';
import { quick } from './comparison.js';

interface Division {
  readonly threads: number;
  /** Steps that threads share: as many times they wait for each other. */
  readonly barriers: number;
  /** Work over what the threads that a step occupies could have done meanwhile. */
  readonly balance: number;
  /** The same for all steps and all threads: what one thread needs over what this many need, per thread. */
  readonly efficiency: number;
}

const secondsOf = ({ macs, bytes }: ProfileStep): number => macs / 60e9 + bytes / 30e9;

function divide(steps: readonly ProfileStep[], threads: number): Division {
  let work = 0;
  let occupied = 0;
  let elapsed = 0;
  let barriers = 0;
  for (const step of steps) {
    const sharing = Math.min(threads, step.threads);
    const longest = (secondsOf(step) * Math.ceil(step.items / sharing)) / Math.max(1, step.items);
    work += secondsOf(step);
    occupied += sharing * longest;
    elapsed += longest;
    if (sharing > 1) barriers++;
  }
  return { threads, barriers, balance: work / occupied, efficiency: work / (threads * elapsed) };
}

/** The least balance over the zoo. Late layers of many threads have two items to a thread, which may become three to two. */
const balanceFloors: Readonly<Record<number, number>> = { 4: 0.9, 16: 0.7, 64: 0.7 };

const chosen: readonly ZooName[] = quick ? ['squeezenet-1.1'] : zooNames;

test.serial('shares are nearly equal', async (t) => {
  t.timeout(300_000);
  for (const name of chosen) {
    const { input } = networks[name];
    const lines = [];
    for (const [threads, floor] of Object.entries(balanceFloors).map(([key, value]) => [Number(key), value] as const)) {
      const model = await loadModel(zooModel(name), { threads });
      const shape = [1, 3, 224, 224];
      const { steps } = model.profileSync({ [input.name]: tensor(zooInput(name), shape) });
      model.dispose();
      const division = divide(steps, threads);
      const { barriers, balance, efficiency } = division;
      t.true(balance >= floor, `${name}, ${threads} threads: balance ${balance.toFixed(2)}`);
      lines.push(
        `${threads}: balance ${balance.toFixed(2)}, efficiency ${efficiency.toFixed(2)}, ${barriers} of ${steps.length}`,
      );
    }
    t.log(`${name.padEnd(18)} ${lines.join(' | ')}`);
  }
});
