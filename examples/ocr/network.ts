/** A network as the text reader calls it: the few members of onnxruntime's InferenceSession, over `loadModel`. */
import { type LoadOptions, loadModel, type Model, type ModelReport, tensor } from 'lanewise';

interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface NetworkAccount {
  readonly layers: number;
  /** Nodes of the file that became part of another, or of nothing. */
  readonly foldedNodes: number;
  readonly isa: string;
  readonly threads: number;
  readonly runs: number;
  readonly macs: number;
  readonly runMs: number;
  /** Reading the file, and compiling once per shape of input. */
  readonly prepareMs: number;
}

export class Network {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #model: Model;
  #report: ModelReport | undefined;
  #runs = 0;
  #macs = 0;
  #runMs = 0;
  #prepareMs: number;

  private constructor(model: Model, loadMs: number) {
    this.#model = model;
    this.#prepareMs = loadMs;
    this.inputNames = model.inputs.map(({ name }) => name);
    this.outputNames = model.outputs.map(({ name }) => name);
  }

  static async load(file: string, options: LoadOptions): Promise<Network> {
    const start = performance.now();
    return new Network(await loadModel(file, options), performance.now() - start);
  }

  async run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>> {
    const inputs = Object.entries(feeds).map(([name, { data, dims }]) => [name, tensor(data, dims)] as const);
    const start = performance.now();
    this.#report = this.#model.report(Object.fromEntries(inputs.map(([name, { shape }]) => [name, shape])));
    const compiled = performance.now();
    const outputs = await this.#model.run(Object.fromEntries(inputs));
    this.#runMs += performance.now() - compiled;
    this.#prepareMs += compiled - start;
    this.#runs += 1;
    this.#macs += this.#report.macs;
    return Object.fromEntries(Object.entries(outputs).map(([name, { data, shape }]) => [name, { data, dims: shape }]));
  }

  /** What has been done so far; undefined before the first run. */
  account(): NetworkAccount | undefined {
    if (!this.#report) return undefined;
    const { nodesBefore, nodesAfter, isa, threads } = this.#report;
    const foldedNodes = nodesBefore - nodesAfter;
    const work = { runs: this.#runs, macs: this.#macs, runMs: this.#runMs, prepareMs: this.#prepareMs };
    return { layers: nodesAfter, foldedNodes, isa, threads, ...work };
  }
}
