/** Memory that runs out at any native allocation: an ERR_OUT_OF_MEMORY, and a process that goes on. */
import test from 'ava';
import { canSpawn, failingAddon, runProgram } from './child.js';

const spawning = canSpawn && failingAddon ? test : test.skip;

/** Refuses each allocation in turn, alone or with all that follow, until there are none left to refuse. */
const sweep = `
  import { native } from '#lib/native.js';
  async function sweep(attempt) {
    const tally = { refused: 0, survived: 0, other: [] };
    for (const all of [false, true]) {
      for (let n = 1; ; n++) {
        native.failAllocation(n, all);
        let fault;
        try {
          await attempt();
        } catch (cause) {
          fault = cause;
        }
        const seen = native.failAllocation(0, false);
        if (fault === undefined) tally.survived++;
        else if (fault.name === 'LanewiseError' && fault.code === 'ERR_OUT_OF_MEMORY') tally.refused++;
        else tally.other.push(n + ': ' + fault.name + ' ' + fault.code + ' ' + fault.message);
        if (seen < n) break;
      }
    }
    return tally;
  }
`;

const attempts: Readonly<Record<string, string>> = {
  'loading and running': `async () => {
      const model = await loadSmall({ threads: 2 });
      try {
        await model.run({ x: image(1) });
        model.runSync({ x: image(1, 2) });
      } finally {
        model.dispose();
      }
    }`,
  'runs of a model that is there': `async () => {
      await Promise.all([kept.run({ x: image(1) }), kept.run({ x: image(2) })]);
      await kept.profile({ x: image(1) });
    }`,
  'eager operators': `async () => {
      const x = lanewise.tensor(new Float32Array(8 * 9 * 9).fill(1), [1, 8, 9, 9]);
      const w = lanewise.tensor(new Float32Array(4 * 8 * 9).fill(1), [4, 8, 3, 3]);
      lanewise.relu(x);
      lanewise.conv2d(x, w, { padding: 1 });
      const conv = lanewise.prepareConv2d(w);
      try {
        conv.run(x);
      } finally {
        conv.dispose();
      }
      lanewise.softmax(x);
    }`,
};

for (const [name, attempt] of Object.entries(attempts)) {
  spawning(name, async (t) => {
    t.timeout(120_000);
    const text = `
      import * as lanewise from 'lanewise';
      import { image, loadSmall } from './build/ts/test/models/small-models.js';
      ${sweep}
      const kept = await loadSmall();
      const expected = kept.runSync({ x: image(3) }).y.data;
      const tally = await sweep(${attempt});
      const after = (await kept.run({ x: image(3) })).y.data;
      console.log(JSON.stringify({ ...tally, same: after.every((value, i) => value === expected[i]) }));
    `;
    const { code, signal, stdout, stderr } = await runProgram(text, { LANEWISE_PREBUILD: failingAddon });
    t.is(signal, null, stderr);
    t.is(code, 0, stderr);
    const tally = JSON.parse(stdout) as { refused: number; survived: number; other: string[]; same: boolean };
    t.deepEqual(tally.other.slice(0, 5), []);
    t.true(tally.refused > 50, stdout);
    t.true(tally.same);
  });
}
