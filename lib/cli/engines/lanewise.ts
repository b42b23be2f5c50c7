import type { Constant } from '../../graph/ir.js';
import { loadModel, type Model, type Feeds as ModelFeeds } from '../../model.js';
import type { Feeds } from '../values/feeds.js';
import type { Engine, EngineOptions } from './engine.js';

/** Only the options that were typed: the library tells an option that is undefined from one that is not there. */
export const loadOptions = ({ threads, isa, numerics }: EngineOptions) => ({
  ...(threads !== undefined && { threads }),
  ...(isa !== undefined && { isa }),
  ...(numerics !== undefined && { numerics }),
});

export async function runModel(model: Model, feeds: Feeds): Promise<Map<string, Constant>> {
  return new Map(Object.entries(await model.run(feeds as ModelFeeds)));
}

export async function openLanewise(model: string | Uint8Array, options: EngineOptions): Promise<Engine> {
  const loaded = await loadModel(model, loadOptions(options));
  return {
    name: 'lanewise',
    run: (feeds) => runModel(loaded, feeds),
    close: async () => loaded.dispose(),
  };
}
