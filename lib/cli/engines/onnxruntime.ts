/** onnxruntime-node, where the user has it. */
import type { Constant, ElementType } from '../../graph/ir.js';
import { CommandError } from '../usage.js';
import type { Feeds } from '../values/feeds.js';
import { optional } from '../values/optional.js';
import type { Engine, EngineOptions } from './engine.js';

interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** The part of its interface that is used. */
interface Ort {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(model: string | Uint8Array, options: object): Promise<OrtSession>;
  };
}

interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

export const onnxruntime = (): Promise<Ort | undefined> => optional<Ort>('onnxruntime-node');

/**
 * @param optimization `all` to race; `disabled` for values: the network as it is written, which fused sums are a little off
 */
export async function openOnnxruntime(
  model: string | Uint8Array,
  { threads }: EngineOptions,
  optimization: 'all' | 'disabled',
): Promise<Engine> {
  const ort = await onnxruntime();
  if (!ort) throw new CommandError('onnxruntime-node is not installed: npm install onnxruntime-node');
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: optimization,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    ...(threads !== undefined && { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  });
  return {
    name: 'onnxruntime',
    async run(feeds: Feeds) {
      const tensors = Object.entries(feeds).map(([name, { type, data, shape }]) => [
        name,
        new ort.Tensor(type, data, shape),
      ]);
      const results = await session.run(Object.fromEntries(tensors) as Record<string, OrtTensor>);
      return new Map(
        Object.entries(results).map(([name, { type, data, dims }]) => [
          name,
          { type: type as ElementType, shape: dims, data: data as Constant['data'] },
        ]),
      );
    },
    close: () => session.release(),
  };
}
