/** The plans of a model, one for each set of input shapes it was run with lately. */
import { type CompiledGraph, compiling, findingWanted, type InputShapes } from '../graph/compile.js';
import { byteSizeOf } from '../graph/constant.js';
import { planCost } from '../graph/cost.js';
import type { ElementType, Graph, Node } from '../graph/ir.js';
import { WantedValues } from '../graph/lower.js';
import type { PassReport } from '../graph/passes/pass.js';
import { valuesRead } from '../graph/values.js';
import { type AllLimits, checkLimit } from '../limits.js';
import { type Isa, type NativeArray, type NativePlan, type NativeWeightFile, native } from '../native.js';
import { publicError } from '../native-error.js';
import { stoppable } from '../native-job.js';
import { type KnownValues, keyOfValues } from '../stages.js';
import type { DataType, Tensor } from '../tensor.js';
import { finish, inTurns, type Work } from '../work.js';

/** What compiling did, for one set of input shapes. */
export interface ModelReport {
  /** Nodes in the file, and in the graph that was lowered. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** Nodes that each pass took out. */
  readonly removed: Readonly<Record<string, number>>;
  /** Steps of the native plan, conversions included. */
  readonly steps: number;
  readonly macs: number;
  /** Elements of constants. */
  readonly parameters: number;
  readonly isa: Isa;
  readonly threads: number;
}

export interface ModelMemory {
  /** Weights as the file holds them, after folding. */
  readonly weightBytes: number;
  /** Weights as the kernels read them. */
  readonly packedBytes: number;
  /** Activations of each compiled set of input shapes, per run in flight. */
  readonly activationBytes: Readonly<Record<string, number>>;
  /**
   * Native memory that the model keeps now: packed weights, and activations and scratch memory of its plans, which stay
   * for the next run. V8 is told of it, and collects a forgotten model sooner.
   */
  readonly heldBytes: number;
}

export interface CompiledPlan {
  readonly plan: NativePlan;
  /** Names of the model's inputs that the plan reads. */
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly name: string; readonly type: ElementType; readonly shape: readonly number[] }[];
  /** Its outputs are values that the rest of the model is compiled for, not those of the model (lib/stages.ts). */
  readonly isPartial: boolean;
  readonly report: ModelReport;
}

/** A plan and what it reads: all that is needed for a run. */
export interface ReadyRun {
  readonly compiled: CompiledPlan;
  readonly arrays: readonly NativeArray[];
}

/** A plan that needs nothing but inputs of these shapes, which are in the order of the model's. */
interface LatestPlan {
  readonly shapes: readonly (readonly number[])[];
  readonly compiled: CompiledPlan;
  /** Those of the model's inputs that the plan reads. */
  readonly places: readonly number[];
}

/** No plan can be made before the elements of these inputs are known. */
export interface WantedInputs {
  readonly wantedInputs: readonly string[];
}

interface PlannedGraph extends CompiledGraph {
  readonly isPartial: boolean;
}

const isWanting = (found: object): found is WantedInputs => 'wantedInputs' in found;
const nothing: KnownValues = new Map();

const areSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i]);

export interface PlanSettings {
  readonly threads?: number | undefined;
  readonly isa?: Isa | undefined;
  readonly numerics?: 'fast' | 'strict' | undefined;
  readonly limits: AllLimits;
  /** Holds the constants that are stored. */
  readonly file?: NativeWeightFile | undefined;
}

/** Plans kept. A plan is a list of steps and its activations; packed weights are shared and not counted here. */
const maxPlans = 8;

export class PlanCache {
  /** Without its nodes and constants once no other plan can be asked for. */
  #graph: Graph;
  readonly #weightBytes: number;
  readonly #simplified: PassReport;
  readonly #settings: PlanSettings;
  readonly #weights = new native.Weights();
  /** Least recently used first. */
  readonly #plans = new Map<string, CompiledPlan | WantedInputs>();
  /** The one used last, if that is what it was. */
  #latest: LatestPlan | undefined;
  readonly #underWay = new Map<string, Promise<CompiledPlan | WantedInputs>>();
  /** One at a time: the next may share what this one packs. */
  #last: Promise<unknown> = Promise.resolve();
  /** Constants of the graph: those that plans of different shapes share. */
  #constantIds: ReadonlyMap<unknown, number>;

  /** @param graph simplified */
  constructor(graph: Graph, simplified: PassReport, settings: PlanSettings) {
    this.#graph = graph;
    this.#simplified = simplified;
    this.#settings = settings;
    const constants = [...graph.constants.values()];
    this.#constantIds = new Map(constants.map((constant, id) => [constant.stored ?? constant.data, id]));
    this.#weightBytes = constants.reduce((sum, constant) => sum + byteSizeOf(constant), 0);
  }

  /** The plan for these shapes and elements, if it is there. */
  find(inputShapes: InputShapes, known = nothing): CompiledPlan | WantedInputs | undefined {
    return this.#find(this.#key(inputShapes, known));
  }

  /**
   * A run that need not compile, nor look at elements first.
   * @param tensors in the order of the model's inputs
   */
  ready(tensors: readonly Tensor<DataType>[]): ReadyRun | undefined {
    const latest = this.#latestFor(tensors);
    return latest && { compiled: latest.compiled, arrays: latest.places.map((place) => tensors[place]!.data) };
  }

  /** The plan for these shapes and elements, compiled on this thread when it has to be. */
  compileSync(inputShapes: InputShapes, known = nothing): CompiledPlan | WantedInputs {
    const key = this.#key(inputShapes, known);
    const found = this.#find(key);
    if (found) return found;
    const compiled = finish(this.#planning(this.#graph, inputShapes, known));
    if (isWanting(compiled)) return this.#keep(key, compiled);
    try {
      const kept = this.#keepPlan(key, compiled, new native.Plan(...this.#planArguments(compiled)));
      this.#forgetWeights(compiled, known, this.#underWay.size > 0);
      return kept;
    } catch (cause) {
      throw publicError(cause, 'compile');
    }
  }

  /** The plan for these shapes and elements, compiled beside the event loop; once, whoever else waits for it. */
  compile(inputShapes: InputShapes, known = nothing, signal?: AbortSignal): Promise<CompiledPlan | WantedInputs> {
    const key = this.#key(inputShapes, known);
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const promise = this.#last
      .then(() => this.#find(key) ?? this.#compile(key, inputShapes, known, signal))
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, promise);
    this.#last = promise.catch(() => {});
    return promise;
  }

  memory(): ModelMemory {
    const activationBytes: Record<string, number> = {};
    let heldBytes = this.#weights.bytes;
    for (const [key, kept] of this.#plans) {
      if (isWanting(kept)) continue;
      activationBytes[key] = kept.plan.arenaBytes;
      heldBytes += kept.plan.heldBytes;
    }
    const packedBytes = this.#weights.bytes;
    return { weightBytes: this.#weightBytes, packedBytes, activationBytes, heldBytes };
  }

  /** Frees what no run in flight is using. */
  free(): void {
    for (const kept of this.#plans.values()) if (!isWanting(kept)) kept.plan.dispose();
    this.#plans.clear();
    this.#latest = undefined;
    this.#weights.clear();
    this.#settings.file?.close();
  }

  /**
   * Packed weights are all that a model of fixed shapes needs: there is one plan of it, which is kept. The weights it was
   * packed from are forgotten, and their file closed.
   */
  #forgetWeights(compiled: PlannedGraph, known: KnownValues, othersCompile: boolean): void {
    const { inputs } = this.#graph;
    const isFixed = inputs.every(({ shape }) => shape.every((extent) => typeof extent === 'number'));
    if (!isFixed || compiled.isPartial || known.size > 0 || othersCompile) return;
    this.#graph = { ...this.#graph, nodes: [], constants: new Map() };
    this.#constantIds = new Map();
    this.#settings.file?.close();
  }

  async #compile(
    key: string,
    inputShapes: InputShapes,
    known: KnownValues,
    signal: AbortSignal | undefined,
  ): Promise<CompiledPlan | WantedInputs> {
    const compiled = await inTurns(this.#planning(this.#graph, inputShapes, known), signal);
    if (isWanting(compiled)) return this.#keep(key, compiled);
    const plan = await stoppable('compile', signal, (stop) => native.buildPlan(...this.#planArguments(compiled), stop));
    const kept = this.#keepPlan(key, compiled, plan);
    this.#forgetWeights(compiled, known, this.#underWay.size > 1);
    return kept;
  }

  /** The plan of the whole graph; of the part that computes what shapes hang on; or the inputs they hang on. */
  *#planning(graph: Graph, inputShapes: InputShapes, known: KnownValues): Work<PlannedGraph | WantedInputs> {
    const wanted = yield* findingWanted(graph, inputShapes, known, this.#settings.limits);
    if (wanted.size > 0) return yield* this.#planningFor(wanted, graph, inputShapes, known);
    const isPartial = graph !== this.#graph;
    try {
      const context = { fold: native, before: this.#simplified, limits: this.#settings.limits, known };
      return { ...(yield* compiling(graph, inputShapes, context)), isPartial };
    } catch (error) {
      if (!(error instanceof WantedValues)) throw error;
      const values = new Set([
        ...graph.inputs.map(({ name }) => name),
        ...graph.nodes.flatMap(({ outputs }) => outputs),
      ]);
      // A value that a pass has made cannot be bound.
      if (!error.names.every((name) => values.has(name) && !known.has(name))) throw error;
      return yield* this.#planningFor(new Set(error.names), graph, inputShapes, known);
    }
  }

  *#planningFor(
    wanted: ReadonlySet<string>,
    graph: Graph,
    inputShapes: InputShapes,
    known: KnownValues,
  ): Work<PlannedGraph | WantedInputs> {
    const wantedInputs = graph.inputs.map(({ name }) => name).filter((name) => wanted.has(name));
    if (wantedInputs.length > 0) return { wantedInputs };
    // Types and shapes of outputs are found by inference; what does not lead to them falls away.
    const outputs = [...wanted].map((name) => ({ name, type: 'float32' as const, shape: [] }));
    return yield* this.#planning(ending(graph, outputs), inputShapes, known);
  }

  /** The plan that was used last is found without a key: what JavaScript does between two runs of a small network shows. */
  #latestFor(tensors: readonly Tensor<DataType>[]): LatestPlan | undefined {
    if (this.#latest?.shapes.every((shape, i) => areSame(shape, tensors[i]!.shape))) return this.#latest;
    const { inputs } = this.#graph;
    const compiled = this.find(Object.fromEntries(inputs.map(({ name }, i) => [name, tensors[i]!.shape])));
    if (compiled === undefined || isWanting(compiled) || compiled.isPartial) return undefined;
    const places = compiled.inputs.map((name) => inputs.findIndex((input) => input.name === name));
    this.#latest = { shapes: tensors.map(({ shape }) => shape), compiled, places };
    return this.#latest;
  }

  #find(key: string): CompiledPlan | WantedInputs | undefined {
    this.#latest = undefined;
    const kept = this.#plans.get(key);
    if (kept) {
      this.#plans.delete(key);
      this.#plans.set(key, kept);
    }
    return kept;
  }

  #key(inputShapes: InputShapes, known: KnownValues): string {
    // Own shapes only: an input may be named 'constructor'.
    const shapes = this.#graph.inputs.map(
      ({ name, shape }) => `${name}: ${((Object.hasOwn(inputShapes, name) && inputShapes[name]) || shape).join('x')}`,
    );
    return shapes.join(', ') + keyOfValues(known);
  }

  get #threads(): number {
    return this.#settings.threads ?? native.cpuInfo().threads;
  }

  #planArguments({ plan }: CompiledGraph) {
    const values = plan.values.map((value) => {
      const id = value.data && this.#constantIds.get(value.data);
      return id === undefined ? value : { ...value, id };
    });
    const strict = this.#settings.numerics === 'strict';
    return [{ ...plan, values }, this.#weights, this.#settings.isa, { threads: this.#threads, strict }] as const;
  }

  #keepPlan(key: string, compiled: PlannedGraph, plan: NativePlan): CompiledPlan | WantedInputs {
    try {
      checkLimit(this.#settings.limits, 'maxActivationBytes', plan.arenaBytes, 'compile: bytes of activations');
    } catch (error) {
      plan.dispose();
      throw error;
    }
    const kept = this.#find(key); // runSync may have been faster
    if (kept) {
      plan.dispose();
      return kept;
    }
    const { plan: spec, inputs, outputs, isPartial, report } = compiled;
    return this.#keep(key, {
      plan,
      inputs,
      outputs,
      isPartial,
      report: { ...report, ...planCost(spec), steps: plan.steps.length, isa: plan.isa, threads: this.#threads },
    });
  }

  #keep<Kept extends CompiledPlan | WantedInputs>(key: string, kept: Kept): Kept {
    this.#plans.set(key, kept);
    this.#latest = undefined;
    const oldest = this.#plans.entries().next().value;
    if (this.#plans.size > maxPlans && oldest) {
      this.#plans.delete(oldest[0]);
      if (!isWanting(oldest[1])) oldest[1].plan.dispose(); // runs in flight keep it until they are done
    }
    return kept;
  }
}

/** The nodes that lead to `outputs`. */
function ending(graph: Graph, outputs: Graph['outputs']): Graph {
  const read = new Set(outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => read.has(name))) continue;
    nodes.unshift(node);
    for (const name of valuesRead(node)) read.add(name);
  }
  return { ...graph, nodes, outputs };
}
