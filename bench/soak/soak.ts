/** What a process keeps in memory while it loads, runs and disposes of models, over and over. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadModel, type Model, tensor } from 'lanewise';

export interface Soaked {
  readonly what: string;
  readonly rounds: number;
  /** Megabytes of the process when the memory that any process takes first is taken, at the end, and at most in between. */
  readonly settledMb: number;
  readonly endMb: number;
  readonly worstMb: number;
  /** How much more than when settled is still fine at the end. */
  readonly allowedMb: number;
  readonly seconds: number;
}

export interface SoakedNetwork {
  readonly file: string;
  readonly input: string;
  readonly shape: readonly number[];
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Resident memory without what only waits for the collector. */
async function residentMb(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    await turn(); // finalizers of the addon run between two tasks
  }
  return process.memoryUsage.rss() / 2 ** 20;
}

/** Runs `round` and watches the memory every `every` rounds, from round `settled` on. */
async function watch(
  what: string,
  { rounds, settled, every, allowedMb }: { rounds: number; settled: number; every: number; allowedMb: number },
  round: (i: number) => Promise<void>,
): Promise<Soaked> {
  const start = performance.now();
  let settledMb = 0;
  let worstMb = 0;
  for (let i = 1; i <= rounds; i++) {
    await round(i);
    if (i === settled) settledMb = await residentMb();
    else if (i > settled && i % every === 0) worstMb = Math.max(worstMb, await residentMb());
  }
  const endMb = await residentMb();
  worstMb = Math.max(worstMb, endMb);
  return { what, rounds, settledMb, endMb, worstMb, allowedMb, seconds: (performance.now() - start) / 1000 };
}

function feedsOf({ input, shape }: SoakedNetwork) {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return {
    [input]: tensor(
      Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
      shape,
    ),
  };
}

/** Each network loaded, run alone and twice at once, and disposed of, again and again. */
export function soakCycles(networks: readonly SoakedNetwork[], rounds: number, allowedMb: number): Promise<Soaked> {
  const feeds = networks.map(feedsOf);
  const what = `${rounds} times ${networks.length} networks loaded, run and disposed of`;
  return watch(what, { rounds, settled: Math.min(10, rounds), every: 10, allowedMb }, async () => {
    for (const [i, { file }] of networks.entries()) {
      const model = await loadModel(file);
      model.runSync(feeds[i]!);
      await Promise.all([model.run(feeds[i]!), model.run(feeds[i]!)]);
      await model[Symbol.asyncDispose]();
    }
  });
}

/** One model, run many times: in turn waited for, at once with others, and on the calling thread. */
export async function soakRuns(network: SoakedNetwork, rounds: number, allowedMb: number): Promise<Soaked> {
  const model: Model = await loadModel(network.file);
  const feeds = feedsOf(network);
  const at = { rounds, settled: Math.ceil(rounds / 20), every: Math.ceil(rounds / 20), allowedMb };
  const soaked = await watch(`${rounds} runs of one model`, at, async (i) => {
    if (i % 3 === 0) model.runSync(feeds);
    else if (i % 3 === 1) await model.run(feeds);
    else await Promise.all([model.run(feeds), model.run(feeds)]);
  });
  model.dispose();
  return soaked;
}
