/** What every pass took out of a graph and put in: the passes themselves, watched. */
import type { Graph } from '../../graph/ir.js';
import { isWork, type Pass } from '../../graph/passes/pass.js';
import { finish } from '../../work.js';

export interface PassWork {
  readonly pass: string;
  /** Operators of the nodes taken out and put in, with how many. */
  readonly took: Readonly<Record<string, number>>;
  readonly made: Readonly<Record<string, number>>;
  /** Nodes before minus nodes after. */
  readonly removed: number;
}

type Histogram = Record<string, number>;

export function histogram(ops: Iterable<string>): Histogram {
  const counts: Histogram = {};
  for (const op of ops) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

/** Operators of the nodes of one graph that the other has not, or has as another operator. */
function difference(graph: Graph, other: Graph): string[] {
  const known = new Map(other.nodes.map(({ name, op }) => [name, op]));
  return graph.nodes.filter(({ name, op }) => known.get(name) !== op).map(({ op }) => op);
}

export class PassWatch {
  readonly #work = new Map<string, { took: Histogram; made: Histogram; removed: number }>();

  /** The pass, doing the same and seen doing it. */
  watched(pass: Pass): Pass {
    return {
      name: pass.name,
      run: (graph, context) => {
        const result = pass.run(graph, context);
        const next = isWork(result) ? finish(result) : result;
        if (next !== graph) this.#note(pass.name, graph, next);
        return next;
      },
    };
  }

  /** In the order in which passes first did something. */
  report(): PassWork[] {
    return [...this.#work].map(([pass, work]) => ({ pass, ...work }));
  }

  #note(pass: string, before: Graph, after: Graph): void {
    const work = this.#work.get(pass) ?? { took: {}, made: {}, removed: 0 };
    for (const op of difference(before, after)) work.took[op] = (work.took[op] ?? 0) + 1;
    for (const op of difference(after, before)) work.made[op] = (work.made[op] ?? 0) + 1;
    work.removed += before.nodes.length - after.nodes.length;
    this.#work.set(pass, work);
  }
}
