/**
 * A working copy of a graph for one pass. Passes stay pure: they edit the copy and return what `finish` gives.
 *
 * Order is kept by construction: a rewrite puts its nodes where the last node it replaces stood, so that everything they
 * read is already there.
 */
import { scalarOf } from './constant.js';
import type { Constant, Graph, Node } from './ir.js';
import { hasBody, renameReads, valuesRead } from './values.js';

/** Who makes and who reads what, in a graph that changes. */
class Links {
  /** One slot per node of the original; a rewrite empties slots and fills its own with any number of nodes. */
  readonly slots: Node[][];
  readonly slotOf = new Map<Node, number>();
  readonly producers = new Map<string, Node>();
  readonly readers = new Map<string, Set<Node>>();

  constructor({ nodes }: Graph) {
    this.slots = nodes.map((node) => [node]);
    for (const [slot, node] of nodes.entries()) this.link(node, slot);
  }

  link(node: Node, slot: number): void {
    this.slotOf.set(node, slot);
    for (const output of node.outputs) {
      if (output === '') continue;
      this.producers.set(output, node);
    }
    for (const name of valuesRead(node)) {
      const readers = this.readers.get(name);
      if (readers) readers.add(node);
      else this.readers.set(name, new Set([node]));
    }
  }

  unlink(node: Node): void {
    const slot = this.slotOf.get(node);
    if (slot === undefined) return;
    this.slots[slot] = this.slots[slot]!.filter((other) => other !== node);
    this.slotOf.delete(node);
    for (const output of node.outputs) if (this.producers.get(output) === node) this.producers.delete(output);
    for (const name of valuesRead(node)) this.readers.get(name)?.delete(node);
  }
}

/** Of graphs that editors have left alone or made: passes look at them, one after the other. */
const linksOf = new WeakMap<Graph, Links>();

function addNames(names: Set<string>, nodes: readonly Node[]): void {
  for (const node of nodes) {
    names.add(node.name);
    for (const output of node.outputs) if (output !== '') names.add(output);
  }
}

export class GraphEditor {
  readonly #graph: Graph;
  readonly #links: Links;
  /** Those of the graph as long as they are the same. */
  #constants: ReadonlyMap<string, Constant>;
  #ownConstants: Map<string, Constant> | undefined;
  readonly #outputs: ReadonlySet<string>;
  /** What names the graph has and had; made when the first new one is. */
  #names: Set<string> | undefined;
  #changed = false;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#links = linksOf.get(graph) ?? new Links(graph);
    linksOf.delete(graph); // nobody else's as long as it may change
    this.#constants = graph.constants;
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
  }

  /** The nodes as they were when the walk began; ask `has` before touching one, an earlier rewrite may have taken it. */
  nodes(): readonly Node[] {
    return this.#links.slots.flat();
  }

  has(node: Node): boolean {
    return this.#links.slotOf.has(node);
  }

  /** The node that computes a value; undefined for inputs and constants. */
  producer(value: string | undefined): Node | undefined {
    return value === undefined ? undefined : this.#links.producers.get(value);
  }

  readers(value: string): readonly Node[] {
    return [...(this.#links.readers.get(value) ?? [])];
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }

  /** The only node that reads a value, if it is read once, by one node, and not returned to the caller. */
  soleReader(value: string): Node | undefined {
    const readers = this.#links.readers.get(value);
    if (this.#outputs.has(value) || readers?.size !== 1) return undefined;
    const [reader] = readers;
    return reader && valuesRead(reader).filter((name) => name === value).length === 1 ? reader : undefined;
  }

  /** The producer of a value that only `reader` reads: the two can become one node. */
  soleProducer(value: string | undefined, reader: Node): Node | undefined {
    const producer = this.producer(value);
    return producer && value !== undefined && this.soleReader(value) === reader ? producer : undefined;
  }

  constant(value: string | undefined): Constant | undefined {
    return value === undefined ? undefined : this.#constants.get(value);
  }

  /** A one-element constant's value. */
  scalar(value: string | undefined): number | undefined {
    return scalarOf(this.constant(value));
  }

  addConstant(hint: string, constant: Constant): string {
    const name = this.freshName(hint);
    this.#writableConstants().set(name, constant);
    return name;
  }

  freshName(hint: string): string {
    const names = this.#takenNames();
    let name = hint;
    for (let i = 1; names.has(name); i++) name = `${hint}_${i}`;
    names.add(name);
    return name;
  }

  #takenNames(): Set<string> {
    if (this.#names) return this.#names;
    const { nodes, inputs, outputs, constants } = this.#graph;
    const names = new Set(constants.keys());
    for (const { name } of inputs) names.add(name);
    for (const { name } of outputs) names.add(name);
    addNames(names, nodes);
    addNames(names, this.nodes());
    this.#names = names;
    return names;
  }

  /** Puts `replacement` where `at` stood and removes `at` and `absorbed`. */
  replace(at: Node, replacement: Node | readonly Node[], absorbed: readonly Node[] = []): void {
    const slot = this.#links.slotOf.get(at)!;
    for (const node of [at, ...absorbed]) this.#links.unlink(node);
    const nodes = Array.isArray(replacement) ? (replacement as readonly Node[]) : [replacement as Node];
    this.#links.slots[slot] = [...nodes];
    for (const node of nodes) this.#links.link(node, slot);
    if (this.#names) addNames(this.#names, nodes);
    this.#changed = true;
  }

  /** Removes a node whose outputs nobody reads any more. */
  remove(node: Node): void {
    this.#links.unlink(node);
    this.#changed = true;
  }

  /**
   * Removes a node that hands on `source` unchanged. Its readers read `source` instead; when its output is one of the
   * graph's, the producer of `source` takes that name over. Returns false where neither can be done.
   */
  bypass(node: Node, source: string): boolean {
    const [output = ''] = node.outputs;
    const everyone = [...this.readers(output), ...this.readers(source)];
    if (everyone.some(hasBody)) return false;
    if (!this.#outputs.has(output)) {
      this.#links.unlink(node);
      this.#rename(output, source);
    } else {
      const producer = this.producer(source);
      if (!producer || this.#outputs.has(source)) return false;
      this.#links.unlink(node);
      this.#swap(producer, { ...producer, outputs: producer.outputs.map((name) => (name === source ? output : name)) });
      this.#rename(source, output);
    }
    this.#changed = true;
    return true;
  }

  /** Turns a value that is known into a constant, in place of the node that computed it. */
  become(node: Node, constants: readonly (readonly [name: string, constant: Constant])[]): void {
    this.#links.unlink(node);
    for (const [name, constant] of constants) this.#writableConstants().set(name, constant);
    this.#changed = true;
  }

  dropConstant(name: string): void {
    this.#writableConstants().delete(name);
    this.#changed = true;
  }

  constantNames(): readonly string[] {
    return [...this.#constants.keys()];
  }

  finish(): Graph {
    const graph = this.#changed ? { ...this.#graph, nodes: this.nodes(), constants: this.#constants } : this.#graph;
    linksOf.set(graph, this.#links);
    return graph;
  }

  #writableConstants(): Map<string, Constant> {
    this.#ownConstants ??= new Map(this.#constants);
    this.#constants = this.#ownConstants;
    return this.#ownConstants;
  }

  #rename(from: string, to: string): void {
    for (const reader of this.readers(from))
      this.#swap(
        reader,
        renameReads(reader, (name) => (name === from ? to : name)),
      );
  }

  /** Replaces one node by another form of it, in its place. */
  #swap(node: Node, other: Node): void {
    const slot = this.#links.slotOf.get(node)!;
    const position = this.#links.slots[slot]!.indexOf(node);
    const nodes = [...this.#links.slots[slot]!];
    this.#links.unlink(node);
    nodes[position] = other;
    this.#links.slots[slot] = nodes;
    this.#links.link(other, slot);
  }
}
