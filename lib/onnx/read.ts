/** ONNX files to graphs. Format only: what an operator computes, and whether anybody can run it, is decided later. */
import { LanewiseError } from '../errors.js';
import { constantOf, int64Vector } from '../graph/constant.js';
import type { Constant, Graph, Node, WeightFile } from '../graph/ir.js';
import { valuesRead } from '../graph/values.js';
import { type AllLimits, ConstantBudget, defaultLimits } from '../limits.js';
import { finish, type Work } from '../work.js';
import { readAttributes } from './attributes.js';
import type { ExternalData } from './external-data.js';
import { formatError } from './format-error.js';
import { type GraphMessage, type ModelMessage, type NodeMessage, readMessages } from './messages.js';
import { liftNode } from './operators/index.js';
import { sortNodes } from './order.js';
import { readingTensor, type TensorSource } from './tensor.js';
import { readInput, readOutput } from './value-info.js';

export interface ReadOptions {
  /** How to read weights stored beside the file; see `externalDataBeside`. Without it such a model is refused. */
  readonly externalData?: ExternalData | undefined;
  /** The file that `bytes` are the structure of, and what they lack of it: pairs of the first byte and the end. */
  readonly stored?: { readonly file: WeightFile; readonly gaps: Float64Array } | undefined;
  /** What the file may cost; the defaults of `loadModel` otherwise. */
  readonly limits?: AllLimits;
}

/** What a Constant node may hold, attribute by attribute. */
const constantForms: Readonly<Record<string, (value: unknown) => Constant>> = {
  value: (value) => value as Constant,
  value_float: (value) => constantOf('float32', [], [value as number]),
  value_floats: (value) => constantOf('float32', [(value as number[]).length], value as number[]),
  value_int: (value) => constantOf('int64', [], [value as number]),
  value_ints: (value) => int64Vector(value as number[]),
};

/** Operators the standard puts in its own domain; all others keep their domain as a prefix, and will be named so when refused. */
const standardDomains = new Set(['', 'ai.onnx']);

class GraphReader {
  readonly #constants = new Map<string, Constant>();
  readonly #names = new Set<string>();
  readonly #values = new Set<string>();
  /** How often a name was made up from the same wish: where to go on looking for a free one. */
  readonly #tries = new Map<string, number>();
  readonly #opset: number;
  readonly #source: TensorSource;

  constructor(opset: number, source: TensorSource) {
    this.#opset = opset;
    this.#source = source;
  }

  /** @param outer whether names may come from a graph around this one */
  *read(proto: GraphMessage, outer: boolean): Work<Graph> {
    for (const tensor of proto.initializer) {
      if (tensor.name === '') throw formatError('an initializer has no name');
      this.#declare(tensor.name, 'initializer');
      this.#constants.set(tensor.name, yield* readingTensor(tensor, `initializer '${tensor.name}'`, this.#source));
      yield;
    }
    if (proto.sparseInitializers > 0) throw formatError('sparse initializers are not supported');
    // Before IR version 4 every initializer was listed as an input as well; it is a constant all the same.
    const inputProtos = proto.input.filter(({ name }) => !this.#constants.has(name));
    const inputs = inputProtos.map((input) => (outer ? readBodyInput(input) : readInput(input)));
    for (const { name } of inputs) this.#declare(name, 'graph input');

    // Claimed first, so that no name made up here collides with one of the file.
    for (const node of proto.node)
      for (const output of node.output) if (output !== '') this.#declare(output, `output of node '${node.name}'`);
    for (const { name } of proto.node) if (name !== '') this.#names.add(name);
    const seen = new Set<string>();
    const nodes: Node[] = [];
    for (const node of proto.node) {
      nodes.push(...this.#readNode(node, seen));
      yield;
    }
    const outputs = proto.output.map(readOutput);
    if (!outer)
      this.#checkReads(
        nodes,
        outputs.map(({ name }) => name),
      );
    return { name: proto.name, inputs, outputs, nodes: sortNodes(nodes), constants: this.#constants };
  }

  #declare(name: string, what: string): void {
    if (this.#values.has(name)) throw formatError(`the value '${name}' is defined twice, the second time as ${what}`);
    this.#values.add(name);
  }

  #readNode(proto: NodeMessage, seen: Set<string>): Node[] {
    const name = this.#nodeName(proto, seen);
    const attributes = readAttributes(proto.attribute, name, {
      source: this.#source,
      readBody: (body) => finish(new GraphReader(this.#opset, this.#source).read(body, true)),
    });
    const standard = standardDomains.has(proto.domain);
    const op = standard ? proto.opType : `${proto.domain}.${proto.opType}`;
    const [output] = proto.output;
    if (op === 'Constant' && output !== undefined) {
      const form = Object.keys(attributes).find((key) => key in constantForms);
      if (form) {
        this.#constants.set(output, constantForms[form]!(attributes[form]));
        return [];
      }
    }
    const node: Node = { op, name, inputs: proto.input, outputs: proto.output, attributes };
    if (!standard) return [node];
    return [liftNode(node, this.#opset, { addConstant: (hint, constant) => this.#addConstant(hint, constant) })];
  }

  /** The name in the file where it has one of its own, else one made from the output or the operator. */
  #nodeName(proto: NodeMessage, seen: Set<string>): string {
    const wanted = proto.name || proto.output.find((output) => output !== '') || proto.opType;
    const taken = (name: string) => seen.has(name) || (name !== proto.name && this.#names.has(name));
    const name = this.#free(wanted, taken);
    seen.add(name);
    return name;
  }

  #addConstant(hint: string, constant: Constant): string {
    const name = this.#free(hint, (name) => this.#values.has(name));
    this.#values.add(name);
    this.#constants.set(name, constant);
    return name;
  }

  /** `wanted`, or with the first number behind it that makes it free. A thousand nodes of one name must not take a million steps. */
  #free(wanted: string, taken: (name: string) => boolean): string {
    let name = wanted;
    let tries = this.#tries.get(wanted) ?? 0;
    while (taken(name)) name = `${wanted}_${++tries}`;
    this.#tries.set(wanted, tries);
    return name;
  }

  #checkReads(nodes: readonly Node[], outputs: readonly string[]): void {
    for (const node of nodes) {
      const missing = valuesRead(node).find((name) => !this.#values.has(name));
      if (missing !== undefined)
        throw formatError(`node '${node.name}' (${node.op}) reads '${missing}', which nothing produces`);
    }
    const listed = new Set<string>();
    for (const name of outputs) {
      if (!this.#values.has(name)) throw formatError(`nothing produces the graph output '${name}'`);
      if (listed.has(name)) throw formatError(`the graph output '${name}' is listed twice`);
      listed.add(name);
    }
  }
}

/** Inputs of a body need not say their type: the node that owns the body gives it. */
const readBodyInput = readOutput;

function* readingGraph(model: ModelMessage, source: TensorSource): Work<Graph> {
  if (!model.graph) throw formatError('the model has no graph: it is not an ONNX file, or an incomplete one');
  const opset = model.opsetImport.find(({ domain }) => standardDomains.has(domain));
  if (!opset && model.graph.node.length > 0) throw formatError('the model does not say which operator set it uses');
  return yield* new GraphReader(opset?.version ?? 1, source).read(model.graph, false);
}

/**
 * Reads an ONNX model into a graph of the newest operator set's form.
 *
 * Tensor data are copies, or stay in the file if there is one: `bytes` may change afterwards. Half precision is widened to float32, Constant nodes become constants, nodes are sorted and get unique names. Operators nobody supports are kept:
 * they are refused, all at once, when the graph is lowered.
 * @throws LanewiseError ERR_MODEL_FORMAT when the bytes are not a complete, consistent ONNX model, ERR_LIMIT when they ask
 *   for more than `limits` allow
 */
export function* reading(bytes: Uint8Array, options: ReadOptions = {}): Work<Graph> {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('readModel: bytes must be a Uint8Array');
  const { externalData, stored, limits = defaultLimits } = options;
  const source: TensorSource = {
    external: externalData,
    file: stored?.file,
    budget: new ConstantBudget(limits),
  };
  try {
    const model = readMessages(bytes, limits, stored?.gaps);
    yield;
    return yield* readingGraph(model, source);
  } catch (error) {
    if (error instanceof LanewiseError) throw error;
    throw formatError(`not a complete ONNX file: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** {@link reading}, all at once. */
export const readModel = (bytes: Uint8Array, options?: ReadOptions): Graph => finish(reading(bytes, options));
