/**
 * One cold start, alone in its process: `child.js ENGINE` with a {@link StartTask} on standard input; prints a {@link Start}
 * as JSON. Nothing is imported that a program with this engine would not have, so that memory is the engine's own.
 */
import { readFileSync } from 'node:fs';
import type { Start, StartEngine, StartTask } from './start.js';

type FirstResult = (task: StartTask, data: Float32Array<ArrayBuffer>) => Promise<ArrayLike<unknown>>;

/** Imports the engine; what comes back loads the network and runs it once. */
const engines: Readonly<Record<StartEngine, (task: StartTask) => Promise<FirstResult>>> = {
  async none() {
    return async (_, data) => data;
  },
  async lanewise({ lanewise }) {
    const { loadModel, tensor } = (await import(lanewise)) as typeof import('lanewise');
    return async ({ file, inputName, shape, threads, isa }, data) => {
      const model = await loadModel(file, { threads, isa });
      keepAlive.push(model);
      return firstOf(await model.run({ [inputName]: tensor(data, shape) })).data;
    };
  },
  async onnxruntime() {
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    return async ({ file, inputName, shape, threads }, data) => {
      const session = await InferenceSession.create(file, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'all',
        executionMode: 'sequential',
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      });
      keepAlive.push(session);
      return firstOf(await session.run({ [inputName]: new Tensor('float32', data, shape) })).data as Float32Array;
    };
  },
};

/** A server keeps its network: nothing may be collected before memory is looked at. */
const keepAlive: object[] = [];

function firstOf<T>(results: Readonly<Record<string, T>>): T {
  const [first] = Object.values(results);
  if (first === undefined) throw new Error('the network gave no output');
  return first;
}

/** Bytes of a line of /proc/self/status; undefined where there is no such file. */
function memoryOf(status: string, line: string): number {
  const kilobytes = new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/self/status has no ${line}`);
  return 1024 * Number(kilobytes);
}

const engine = process.argv[2] as StartEngine;
const task = JSON.parse(readFileSync(0, 'utf8')) as StartTask;
const { buffer, byteOffset, byteLength } = readFileSync(task.inputFile);
const data = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
const begin = performance.now();
const run = await engines[engine](task);
const imported = performance.now();
const result = await run(task, data);
const done = performance.now();
const status = readFileSync('/proc/self/status', 'utf8');
const start: Start = {
  importMs: imported - begin,
  firstMs: done - imported,
  residentBytes: memoryOf(status, 'VmRSS'),
  peakBytes: memoryOf(status, 'VmHWM'),
  elements: result.length,
};
process.stdout.write(JSON.stringify(start));
// Whatever an engine does when it ends is not of interest.
process.exit(0);
