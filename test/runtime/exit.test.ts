/** However a process ends while models run, it ends by itself, with its own exit code, and at once. */
import test from 'ava';
import { canSpawn, runProgram, slowProgram } from './child.js';

const endings: Readonly<Record<string, [program: string, code: number, stdout: string, stderr?: RegExp]>> = {
  'process.exit while a model runs': ['void model.run({ x }); setTimeout(() => process.exit(7), 5);', 7, ''],
  'process.exit at once': ['void model.run({ x }); void model.run({ x }); process.exit(8);', 8, ''],
  'process.exit in the callback of a run': ['await model.run({ x }); process.exit(9);', 9, ''],
  'process.exit with many runs waiting': [
    'for (let i = 0; i < 50; i++) void model.run({ x }); setTimeout(() => process.exit(3), 20);',
    3,
    '',
  ],
  'an uncaught exception': [
    "void model.run({ x }); setTimeout(() => { throw new Error('on purpose'); }, 5);",
    1,
    '',
    /on purpose/,
  ],
  'a rejection nobody handles': ['model.dispose(); void model.run({ x });', 1, '', /ERR_DISPOSED/],
  'the end of the program waits for its runs': ["model.run({ x }).then(() => console.log('done'));", 0, 'done\n'],
  'nothing keeps an idle process alive': ["await model.run({ x }); console.log('done');", 0, 'done\n'],
  'a disposed model with runs in flight': [
    "const run = model.run({ x }); model.dispose(); await run; console.log('done');",
    0,
    'done\n',
  ],
  'an abort at the end': [
    'const c = new AbortController(); const run = model.run({ x }, { signal: c.signal }); setTimeout(() => c.abort(), 5); await run.catch((e) => console.log(e.name));',
    0,
    'AbortError\n',
  ],
};

for (const [name, [program, code, stdout, stderr]] of Object.entries(endings)) {
  (canSpawn ? test : test.skip)(name, async (t) => {
    const ending = await runProgram(slowProgram + program);
    t.like(ending, { code, signal: null, stdout }, ending.stderr);
    if (stderr) t.regex(ending.stderr, stderr);
    else t.is(ending.stderr, '');
  });
}

(canSpawn ? test : test.skip)('the package can be required', async (t) => {
  const program = `
    const lanewise = require('lanewise');
    const { data } = lanewise.relu(lanewise.tensor([-1, 2], [2]));
    console.log(typeof lanewise.loadModel, data.join());
    import('lanewise').then((imported) => console.log(imported.relu === lanewise.relu));
  `;
  const ending = await runProgram(program, {}, 'commonjs');
  t.like(ending, { code: 0, signal: null, stdout: 'function 0,2\ntrue\n' }, ending.stderr);
});
