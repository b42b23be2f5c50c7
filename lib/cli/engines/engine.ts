/** Whatever runs a model, behind one face. */
import type { Constant } from '../../graph/ir.js';
import type { Isa } from '../../native.js';
import type { Feeds } from '../values/feeds.js';

export type Values = ReadonlyMap<string, Constant>;

export interface Engine {
  readonly name: string;
  /** One run as a user would call it: copies in and out are part of it. */
  run(feeds: Feeds): Promise<Values>;
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly threads?: number;
  readonly isa?: Isa;
  readonly numerics?: 'fast' | 'strict';
}

export const engineNames = ['lanewise', 'onnxruntime'] as const;
export type EngineName = (typeof engineNames)[number];
