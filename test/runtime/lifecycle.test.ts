/** Every stage of a model's life, ended in every way, in processes of their own: right exit code, no signal, no hang. */
import test from 'ava';
import { quick } from '../models/comparison.js';
import { canSpawn, runProgram } from './child.js';

const spawning = canSpawn ? test : test.skip;

/** Up to where the process has come; `stage` goes on in the background. */
const stages: Readonly<Record<string, string>> = {
  'before loading': "const lanewise = await import('lanewise'); const stage = lanewise.cpuInfo();",
  'while loading': 'const stage = slowModel(40, options).catch(console.error);',
  'while loading several': 'const stage = [1, 2, 3, 4].map((n) => slowModel(10 * n, options).catch(console.error));',
  'while compiling for a run': `
    const { loadSmall, image } = await import('./build/ts/test/models/small-models.js');
    const model = await loadSmall();
    const stage = [1, 2, 3, 4].map((n) => model.run({ x: image(1, 16 * n) }));`,
  'while running': 'const model = await slowModel(20, options); const stage = [model.run({ x }), model.run({ x })];',
  'while runs wait': `
    const model = await slowModel(20, { ...options, maxConcurrency: 1 });
    const stage = Array.from({ length: 9 }, () => model.run({ x }));`,
  'while a disposed model finishes': `
    const model = await slowModel(20, options);
    const stage = model.run({ x });
    model.dispose();`,
  afterwards: 'const model = await slowModel(2, options); const stage = await model.run({ x });',
};

const endings: Readonly<Record<string, { program: string; code: number; stderr?: RegExp }>> = {
  'process.exit': { program: 'process.exit(7);', code: 7 },
  'process.exit a little later': { program: 'setTimeout(() => process.exit(8), 4);', code: 8 },
  'an uncaught exception': {
    program: "setTimeout(() => { throw new Error('on purpose'); }, 2);",
    code: 1,
    stderr: /on purpose/,
  },
};

for (const [stage, begun] of Object.entries(stages)) {
  spawning(`${stage}: the end`, async (t) => {
    await Promise.all(
      Object.entries(endings).map(async ([name, { program, code, stderr }]) => {
        const ending = await runProgram(`
          import { slowInput, slowModel } from './build/ts/test/models/small-models.js';
          const options = { isa: 'scalar' };
          const x = slowInput(1);
          ${begun}
          void stage;
          ${program}
        `);
        t.like(ending, { code, signal: null, stdout: '' }, `${name}: ${ending.stderr}`);
        if (stderr) t.regex(ending.stderr, stderr, name);
        else t.is(ending.stderr, '', name);
      }),
    );
  });
}

spawning('workers terminated in flight, round after round', async (t) => {
  t.timeout(240_000);
  const [rounds, workers] = quick ? [2, 3] : [20, 8];
  const body = `
    import { parentPort } from 'node:worker_threads';
    import { slowInput, slowModel } from MODELS;
    const model = await slowModel(12, { isa: 'scalar', threads: 2, maxConcurrency: 2 });
    const x = slowInput(1);
    for (let i = 0; i < 4; i++) void model.run({ x });
    void slowModel(12);
    parentPort.postMessage('running');
  `;
  const ending = await runProgram(`
    import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    import { pathToFileURL } from 'node:url';
    const models = JSON.stringify(pathToFileURL('build/ts/test/models/small-models.js').href);
    const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(body)}.replace('MODELS', models)));
    for (let round = 0; round < ${rounds}; round++) {
      const codes = await Promise.all(Array.from({ length: ${workers} }, async () => {
        const worker = new Worker(url);
        await once(worker, 'message');
        return worker.terminate();
      }));
      if (codes.some((code) => code !== 1)) console.log('round', round, codes);
    }
    const { loadSmall, image } = await import('./build/ts/test/models/small-models.js');
    const model = await loadSmall();
    console.log((await model.run({ x: image(1) })).y.size);
  `);
  t.deepEqual(ending, { code: 0, signal: null, stdout: '320\n', stderr: '' });
});

spawning('many workers load it at once, and leave by themselves', async (t) => {
  t.timeout(120_000);
  const body = `
    import { parentPort } from 'node:worker_threads';
    import { image, loadSmall } from MODELS;
    const model = await loadSmall();
    const { y } = await model.run({ x: image(1, 4) });
    parentPort.postMessage(y.data.join());
  `;
  const ending = await runProgram(`
    import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    import { pathToFileURL } from 'node:url';
    const models = JSON.stringify(pathToFileURL('build/ts/test/models/small-models.js').href);
    const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(body)}.replace('MODELS', models)));
    const results = await Promise.all(Array.from({ length: ${quick ? 3 : 12} }, async () => {
      const worker = new Worker(url);
      const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      return message + code;
    }));
    console.log(new Set(results).size, results[0].endsWith('0'));
  `);
  t.deepEqual(ending, { code: 0, signal: null, stdout: '1 true\n', stderr: '' });
});

spawning('modules of the vm module', async (t) => {
  const program = `
    import vm from 'node:vm';
    const context = vm.createContext({ console });
    const source = \`
      import { loadModel, relu, tensor } from 'lanewise';
      import { fixedBytes, image } from 'models';
      console.log(relu(tensor([-1, 2], [2])).data.join());
      const model = await loadModel(fixedBytes);
      console.log((await model.run({ x: image(1, 2) })).y.size);
    \`;
    const found = {
      lanewise: await import('lanewise'),
      models: await import('./build/ts/test/models/small-models.js'),
    };
    const module = new vm.SourceTextModule(source, { context });
    await module.link((name) => {
      const names = Object.keys(found[name]);
      return new vm.SyntheticModule(names, function () {
        for (const key of names) this.setExport(key, found[name][key]);
      }, { context });
    });
    await module.evaluate();
  `;
  const ending = await runProgram(program, { NODE_OPTIONS: '--experimental-vm-modules' });
  t.deepEqual(ending, { code: 0, signal: null, stdout: '0,2\n640\n', stderr: '' });
});

spawning('require and import in one process, with runs of both', async (t) => {
  const program = `
    import { createRequire } from 'node:module';
    import { pathToFileURL } from 'node:url';
    import * as imported from 'lanewise';
    import { fixedBytes, image } from './build/ts/test/models/small-models.js';
    const required = createRequire(pathToFileURL('package.json'))('lanewise');
    const models = await Promise.all([imported.loadModel(fixedBytes), required.loadModel(fixedBytes)]);
    const x = image(1, 2);
    const results = await Promise.all(models.map((model) => model.run({ x })));
    console.log(imported.loadModel === required.loadModel, results[0].y.data.join() === results[1].y.data.join());
  `;
  const ending = await runProgram(program);
  t.deepEqual(ending, { code: 0, signal: null, stdout: 'true true\n', stderr: '' });
});

spawning('a forgotten model is collected, with its native memory', async (t) => {
  t.timeout(120_000);
  const program = `
    import v8 from 'node:v8';
    import vm from 'node:vm';
    import { setTimeout as delay } from 'node:timers/promises';
    import { loadModel } from 'lanewise';
    import { buildModel } from './build/ts/test/support/onnx-builder.js';
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc');
    // 16 MB of weights, and as much again packed.
    const bytes = buildModel({
      inputs: { x: [1, 2048] },
      constants: { w: { shape: [2048, 2048], data: new Float32Array(2048 * 2048).fill(0.5) } },
      nodes: [{ op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['y'] }],
      outputs: ['y'],
    });
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    const once = async () => registry.register(await loadModel(bytes), 0);
    const settled = async () => { for (let i = 0; i < 3; i++) { gc(); await delay(5); } };
    await once();
    await settled();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 15; i++) { await once(); await settled(); }
    console.log(collected >= 15, process.memoryUsage.rss() - before < 120e6 || 'ASAN_OPTIONS' in process.env);
  `;
  const ending = await runProgram(program);
  t.deepEqual(ending, { code: 0, signal: null, stdout: 'true true\n', stderr: '' });
});
