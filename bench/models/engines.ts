/** The two that race, behind one face: the public API of each, at its best settings. */
import { type Isa, loadModel, type ProfileStep, tensor } from 'lanewise';
import * as ort from 'onnxruntime-node';
import { largestDifference } from './difference.js';
import type { Prepared, Workload } from './workloads.js';

export interface Engine {
  /** One run as a user would call it; copies in and out are part of it. Gives the values of all outputs by name. */
  run(): Promise<ReadonlyMap<string, Float32Array>>;
  release(): Promise<void>;
}

export interface OurEngine extends Engine {
  readonly macs: number;
  /** One run on this thread, step by step. */
  profile(): readonly ProfileStep[];
}

/** `run` leaves the event loop free; `runSync` holds it, as the run of onnxruntime-node does. */
export type OurCall = 'run' | 'runSync';

/** A network in both engines. */
export interface Pair {
  readonly workload: Workload;
  readonly ours: OurEngine;
  readonly rival: Engine;
  /** Of the results: see `largestDifference`. */
  readonly difference: number;
  release(): Promise<void>;
}

export async function openPair(workload: Workload, threads: number, isa: Isa, call: OurCall = 'run'): Promise<Pair> {
  const prepared = await workload.prepare();
  const ours = await openLanewise(prepared, threads, isa, call);
  const plain = await openOnnxruntime(prepared, threads, 'disabled');
  const difference = largestDifference(await ours.run(), await plain.run());
  await plain.release();
  const rival = await openOnnxruntime(prepared, threads, 'all');
  return {
    workload,
    ours,
    rival,
    difference,
    async release() {
      await ours.release();
      await rival.release();
    },
  };
}

export async function openLanewise(workload: Prepared, threads: number, isa: Isa, call: OurCall): Promise<OurEngine> {
  const { file, inputName, shape, data } = workload;
  const model = await loadModel(file, { threads, isa, inputShapes: { [inputName]: shape } });
  const feeds = { [inputName]: tensor(data, shape) };
  return {
    macs: model.report({ [inputName]: shape }).macs,
    profile: () => model.profileSync(feeds).steps,
    async run() {
      return new Map(
        Object.entries(await model[call](feeds)).map(([name, output]) => [name, output.data as Float32Array]),
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
