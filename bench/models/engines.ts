/** The two that race, behind one face: the public API of each, at its best settings. */
import { createRequire } from 'node:module';
import { type Isa, loadModel, tensor } from 'lanewise';
import * as ort from 'onnxruntime-node';
import type { Prepared } from './workloads.js';

export interface Engine {
  /** One run as a user would call it; copies in and out are part of it. Gives the values of all outputs by name. */
  run(): Promise<ReadonlyMap<string, Float32Array>>;
  release(): Promise<void>;
}

export interface OurEngine extends Engine {
  readonly macs: number;
}

export async function openLanewise(workload: Prepared, threads: number, isa: Isa): Promise<OurEngine> {
  const { file, inputName, shape, data } = workload;
  const model = await loadModel(file, { threads, isa, inputShapes: { [inputName]: shape } });
  const feeds = { [inputName]: tensor(data, shape) };
  return {
    macs: model.report({ [inputName]: shape }).macs,
    async run() {
      return new Map(
        Object.entries(await model.run(feeds)).map(([name, output]) => [name, output.data as Float32Array]),
      );
    },
    async release() {
      model.dispose();
    },
  };
}

/**
 * @param optimization `all` to race; `disabled` for values: fusing changes the order of sums, so that the optimised
 *   network is a little further from the network as written
 */
export async function openOnnxruntime(
  { file, inputName, shape, data }: Prepared,
  threads: number,
  optimization: 'all' | 'disabled',
): Promise<Engine> {
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: optimization,
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const feeds = { [inputName]: new ort.Tensor('float32', data, shape) };
  return {
    async run() {
      return new Map(
        Object.entries(await session.run(feeds)).map(([name, output]) => [name, output.data as Float32Array]),
      );
    },
    release: () => session.release(),
  };
}

export function onnxruntimeVersion(): string {
  return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }).version;
}
