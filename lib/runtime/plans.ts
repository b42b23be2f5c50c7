/** The plans of a model, one for each set of input shapes it was run with lately. */
import { type CompiledGraph, compileForShapes, compiling, type InputShapes } from '../graph/compile.js';
import { planCost } from '../graph/cost.js';
import type { Graph } from '../graph/ir.js';
import type { PassReport } from '../graph/passes/pass.js';
import { type AllLimits, checkLimit } from '../limits.js';
import { type Isa, type NativePlan, type NativeStopToken, native } from '../native.js';
import { publicError } from '../native-error.js';
import { inTurns } from '../work.js';

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
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly report: ModelReport;
}

export interface PlanSettings {
  readonly threads?: number | undefined;
  readonly isa?: Isa | undefined;
  readonly numerics?: 'fast' | 'strict' | undefined;
  readonly limits: AllLimits;
}

/** Plans kept. A plan is a list of steps and its activations; packed weights are shared and not counted here. */
const maxPlans = 8;

export class PlanCache {
  readonly #graph: Graph;
  readonly #simplified: PassReport;
  readonly #settings: PlanSettings;
  readonly #weights = new native.Weights();
  /** Least recently used first. */
  readonly #plans = new Map<string, CompiledPlan>();
  readonly #underWay = new Map<string, Promise<CompiledPlan>>();
  /** One at a time: the next may share what this one packs. */
  #last: Promise<unknown> = Promise.resolve();
  /** Constants of the graph: those that plans of different shapes share. */
  readonly #constantIds: ReadonlyMap<unknown, number>;

  /** @param graph simplified */
  constructor(graph: Graph, simplified: PassReport, settings: PlanSettings) {
    this.#graph = graph;
    this.#simplified = simplified;
    this.#settings = settings;
    this.#constantIds = new Map([...graph.constants.values()].map(({ data }, id) => [data, id]));
  }

  /** The plan for these shapes, if it is there. */
  find(inputShapes: InputShapes): CompiledPlan | undefined {
    const key = this.#key(inputShapes);
    const known = this.#plans.get(key);
    if (known) {
      this.#plans.delete(key);
      this.#plans.set(key, known);
    }
    return known;
  }

  /** The plan for these shapes, compiled on this thread when it has to be. */
  compileSync(inputShapes: InputShapes): CompiledPlan {
    const known = this.find(inputShapes);
    if (known) return known;
    const compiled = compileForShapes(this.#graph, inputShapes, this.#context());
    try {
      return this.#keep(inputShapes, compiled, new native.Plan(...this.#planArguments(compiled)));
    } catch (cause) {
      throw publicError(cause, 'compile');
    }
  }

  /** The plan for these shapes, compiled beside the event loop; once, whoever else waits for it. */
  compile(inputShapes: InputShapes, signal?: AbortSignal): Promise<CompiledPlan> {
    const key = this.#key(inputShapes);
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const promise = this.#last
      .then(() => this.find(inputShapes) ?? this.#compile(inputShapes, signal))
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, promise);
    this.#last = promise.catch(() => {});
    return promise;
  }

  memory(): ModelMemory {
    const activationBytes = Object.fromEntries([...this.#plans].map(([key, { plan }]) => [key, plan.arenaBytes]));
    const weightBytes = [...this.#graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    const packedBytes = this.#weights.bytes;
    const heldBytes = [...this.#plans.values()].reduce((sum, { plan }) => sum + plan.heldBytes, packedBytes);
    return { weightBytes, packedBytes, activationBytes, heldBytes };
  }

  /** Frees what no run in flight is using. */
  free(): void {
    for (const { plan } of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    this.#weights.clear();
  }

  async #compile(inputShapes: InputShapes, signal: AbortSignal | undefined): Promise<CompiledPlan> {
    const compiled = await inTurns(compiling(this.#graph, inputShapes, this.#context()), signal);
    const stop: NativeStopToken = new native.StopToken();
    const abort = () => stop.stop();
    signal?.addEventListener('abort', abort, { once: true });
    let plan: NativePlan;
    try {
      plan = await native.buildPlan(...this.#planArguments(compiled), stop);
    } catch (cause) {
      signal?.throwIfAborted();
      throw publicError(cause, 'compile');
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return this.#keep(inputShapes, compiled, plan);
  }

  #key(inputShapes: InputShapes): string {
    return this.#graph.inputs.map(({ name, shape }) => `${name}: ${(inputShapes[name] ?? shape).join('x')}`).join(', ');
  }

  #context() {
    return { fold: native, before: this.#simplified, limits: this.#settings.limits };
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

  #keep(inputShapes: InputShapes, { plan: spec, outputs, report }: CompiledGraph, plan: NativePlan): CompiledPlan {
    try {
      checkLimit(this.#settings.limits, 'maxActivationBytes', plan.arenaBytes, 'compile: bytes of activations');
    } catch (error) {
      plan.dispose();
      throw error;
    }
    const known = this.find(inputShapes); // runSync may have been faster
    if (known) {
      plan.dispose();
      return known;
    }
    const compiled = {
      plan,
      outputs,
      report: { ...report, ...planCost(spec), steps: plan.steps.length, isa: plan.isa, threads: this.#threads },
    };
    this.#plans.set(this.#key(inputShapes), compiled);
    const oldest = this.#plans.entries().next().value;
    if (this.#plans.size > maxPlans && oldest) {
      this.#plans.delete(oldest[0]);
      oldest[1].plan.dispose(); // runs in flight keep it until they are done
    }
    return compiled;
  }
}
