/** What a cold start leaves out until it is needed: modules of Node.js that take milliseconds to load. */
import test from 'ava';
import { canSpawn, runProgram } from './child.js';

const spawning = canSpawn ? test : test.skip;

spawning('a model is loaded and run without node:crypto and node:v8', async (t) => {
  const { code, stdout, stderr } = await runProgram(`
    import { loadModel } from 'lanewise';
    import { fixedBytes, image } from './build/ts/test/models/small-models.js';
    const model = await loadModel(fixedBytes);
    await model.run({ x: image(1, 2) });
    const loaded = process.moduleLoadList.filter((name) => /^NativeModule (crypto|v8)$/.test(name));
    console.log(JSON.stringify(loaded));
  `);
  t.is(code, 0, stderr);
  t.deepEqual(JSON.parse(stdout), []);
});

spawning('a file that would take a quarter of the heap is refused without a limit of its own', async (t) => {
  // A graph with an initializer of as many elements as the heap has room for one by one.
  const program = `
    import { getHeapStatistics } from 'node:v8';
    import { loadModel } from 'lanewise';
    const varint = (n) => n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)];
    const message = (number, bytes) => [Uint8Array.from([number << 3 | 2, ...varint(size(bytes))]), ...bytes];
    const size = (parts) => parts.reduce((sum, part) => sum + part.length, 0);
    const quarter = Math.floor(getHeapStatistics().heap_size_limit / 4);
    const model = message(7, message(5, message(7, [new Uint8Array(Math.ceil(quarter / 48)).fill(1)])));
    try {
      await loadModel(new Uint8Array(Buffer.concat(model)));
      console.log('loaded');
    } catch ({ code, message }) {
      console.log(code, message.includes('limits.maxDecodedBytes, ' + quarter + ';'), message);
    }
  `;
  const { code, stdout, stderr } = await runProgram(program, { NODE_OPTIONS: '--max-old-space-size=64' });
  t.is(code, 0, stderr);
  t.regex(stdout, /^ERR_LIMIT true /);
});
