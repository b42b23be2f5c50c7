/** Threads of the process: how many there are, and that they cost nothing while nothing runs. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { image, loadSmall } from '../models/small-models.js';
import { canSpawn, root, runProgram, slowProgram } from './child.js';

const linux = canSpawn && process.platform === 'linux' ? test : test.skip;

/** What a program prints on the processors of this list. */
function onProcessors(list: string, program: string): string {
  const env = { ...process.env, LANEWISE_THREADS: undefined, NODE_NO_WARNINGS: '1' };
  const args = ['--cpu-list', list, process.execPath, '--input-type=module', '--eval', program];
  return execFileSync('taskset', args, { cwd: root, encoding: 'utf8', env });
}

const threadsProgram = "import { cpuInfo } from 'lanewise'; console.log(cpuInfo().threads)";

linux('the default is at most the affinity mask', async (t) => {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [, first] = /^Cpus_allowed_list:\s*(\d+)/m.exec(status)!;
  t.is(onProcessors(first!, threadsProgram), '1\n');
  const { stdout } = await runProgram(threadsProgram);
  t.true(Number(stdout) >= 1 && Number(stdout) <= Math.min(os.availableParallelism(), 64), stdout);
});

linux('no thread is pinned, and all workers share one pool', async (t) => {
  const program = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { readFile } from 'node:fs/promises';
    import { setTimeout as delay } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    const allowed = (task) => {
      try {
        return /Cpus_allowed_list:\\s*(\\S+)/.exec(readFileSync('/proc/self/task/' + task + '/status', 'utf8'))[1];
      } catch {
        return undefined; // it has ended
      }
    };
    const tasks = () => readdirSync('/proc/self/task');
    const text = \`
      import { parentPort } from 'node:worker_threads';
      import { image, loadSmall } from '\${new URL('build/ts/test/models/small-models.js', 'file://' + process.cwd() + '/')}';
      const model = await loadSmall({ threads: 4 });
      await Promise.all(Array.from({ length: 20 }, () => model.run({ x: image(1, 8) })));
      parentPort.postMessage('done');
      setInterval(() => {}, 1000);
    \`;
    const start = async () => {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(text)));
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      return worker;
    };
    const own = process.pid.toString();
    await readFile('/proc/self/status'); // starts the threads of libuv
    const before = tasks().length;
    const workers = [];
    for (let i = 0; i < 4; i++) workers.push(await start());
    const started = tasks().length - before;
    // A worker that leaves its caller's processor is confined to the others for as long as that takes.
    const confined = (task) => ![undefined, allowed(own)].includes(allowed(task));
    let pinned = tasks().filter(confined);
    for (let look = 0; look < 40 && pinned.length > 0; look++) {
      await delay(50);
      pinned = pinned.filter(confined);
    }
    for (const worker of workers) await worker.terminate();
    console.log(JSON.stringify({ pinned: pinned.length, started }));
  `;
  const { stdout, stderr } = await runProgram(program, { LANEWISE_THREADS: '4' });
  t.is(stderr, '');
  const { pinned, started } = JSON.parse(stdout) as { pinned: number; started: number };
  t.is(pinned, 0);
  // The workers themselves, three threads that compute beside their caller, at most four that wait for a run's end, and perhaps
  // one of Node's own that is about to end. They start when they are needed, which depends on the load. Pools of their own would
  // be sixteen threads.
  t.true(started <= 4 + 3 + 4 + 1, `${started} threads`);
});

linux('an idle pool uses no processor time', async (t) => {
  const program = `${slowProgram}
    import { setTimeout as delay } from 'node:timers/promises';
    import { setThreads } from 'lanewise';
    setThreads(8);
    for (let i = 0; i < 3; i++) await Promise.all([model.run({ x }), model.run({ x })]);
    await delay(50); // whoever still spins
    const before = process.cpuUsage();
    await delay(1000);
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) / 1000);
  `;
  const { stdout, stderr } = await runProgram(program);
  t.is(stderr, '');
  t.true(Number(stdout) < 20, `${stdout} ms of a second`);
});

linux('more threads than processors give the same', async (t) => {
  const program = `${slowProgram}
    import { setThreads } from 'lanewise';
    const digest = ({ y }) => Buffer.from(y.data.buffer).toString('base64');
    setThreads(1);
    const expected = digest(model.runSync({ x }));
    for (const count of [2, 8, 64]) {
      setThreads(count);
      const results = await Promise.all(Array.from({ length: 4 }, () => model.run({ x })));
      if (results.some((result) => digest(result) !== expected)) console.log('wrong with', count);
    }
    console.log('done');
  `;
  t.is((await runProgram(program)).stdout, 'done\n');
});

(canSpawn ? test : test.skip)('a forked process has a pool of its own', async (t) => {
  const model = await loadSmall({ threads: 2 });
  const { y } = await model.run({ x: image(1) });
  const child = fork(fileURLToPath(new URL('./forked.js', import.meta.url)));
  const [message] = (await once(child, 'message')) as [number[]];
  t.deepEqual(message, [...y!.data]);
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 0);
});
