/** A process that may die: it tries mutants one after the other and says so before and after each. */
import { readCorpus } from './corpus.js';
import { mutant } from './mutate.js';
import { tryModel } from './try-model.js';

const [seed = 1, first = 0, count = 0, step = 1] = process.argv.slice(2).map(Number);
const corpus = readCorpus().map(({ bytes }) => bytes);
for (let index = first; index < first + count * step; index += step) {
  process.send?.({ begin: index });
  try {
    process.send?.({ end: index, verdict: await tryModel(mutant(corpus, seed, index), index) });
  } catch (error) {
    process.send?.({ end: index, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.disconnect?.();
