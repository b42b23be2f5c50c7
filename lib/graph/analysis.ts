/**
 * One walk along a graph that finds types and shapes, and every value that is known before the run. The two belong together: the
 * shape of a Reshape hangs on shape arithmetic, and shape arithmetic on shapes.
 */
import { LanewiseError } from '../errors.js';
import { type AllLimits, ConstantBudget, checkLimit, defaultLimits, maxRank } from '../limits.js';
import { byteSizeOf, elementCount, sizeOf } from './constant.js';
import { type EvaluateRule, evaluationRules, movesElements, shapeEvaluationRules } from './evaluate.js';
import type { Constant, Graph, Node } from './ir.js';
import { ShapeError } from './shape-error.js';
import { type RuleInput, type TensorType, UnknownType } from './shapes/rule.js';
import { shapeRules } from './shapes.js';

export interface Analysis {
  /** Of every value whose type could be found; extents not known yet are NaN. */
  readonly types: ReadonlyMap<string, TensorType>;
  /** The graph's constants and everything computed from them and from known shapes. */
  readonly constants: ReadonlyMap<string, Constant>;
  /** Values of known type whose elements a shape hangs on, and which are not known before the run. */
  readonly wanted: ReadonlySet<string>;
}

/** Folding may not blow a model up: results beyond this stay computed unless they are no larger than what they come from. */
const MAX_FOLDED_ELEMENTS = 1 << 20;

/** The same for all results of a graph that are larger than what they come from: a chain of them must not add up. */
const MAX_GROWN_ELEMENTS = 1 << 22;

/** Arithmetic goes through JavaScript arrays, which a full heap cannot refuse: it would end the process. */
const MAX_COMPUTED_ELEMENTS = 1 << 24;

/** What folding has left of its allowances, over one walk. */
class FoldingBudget {
  readonly #constants: ConstantBudget;
  #grown = 0;

  constructor(graph: Graph, limits: AllLimits) {
    this.#constants = new ConstantBudget(limits);
    let bytes = 0;
    for (const constant of graph.constants.values()) bytes += byteSizeOf(constant);
    this.#constants.take(bytes, 'the graph');
  }

  allows(rule: EvaluateRule, inputElements: number, outputElements: number): boolean {
    const grown = outputElements > inputElements ? outputElements : 0;
    const bytes = 8 * outputElements;
    if (outputElements > Math.max(MAX_FOLDED_ELEMENTS, inputElements) || this.#grown + grown > MAX_GROWN_ELEMENTS)
      return false;
    if (Math.max(inputElements, outputElements) > MAX_COMPUTED_ELEMENTS && !movesElements(rule)) return false;
    if (!this.#constants.allows(bytes)) return false;
    this.#constants.take(bytes, 'folding');
    this.#grown += grown;
    return true;
  }
}

const isKnown = ({ shape }: TensorType): boolean => !shape.some(Number.isNaN);

/** What rules see of a node at this point of the walk. */
export function ruleInputOf(node: Node, { types, constants }: Pick<Analysis, 'types' | 'constants'>): RuleInput {
  return {
    node,
    input: (index) => {
      const type = types.get(node.inputs[index] ?? '');
      if (!type) throw new UnknownType();
      return type;
    },
    has: (index) => (node.inputs[index] ?? '') !== '',
    constant: (index) => constants.get(node.inputs[index] ?? ''),
  };
}

/** The types that a node was found to have, and what they follow from. */
interface Inference {
  readonly limits: AllLimits;
  /** Of each input: the constant, its type where it is none, undefined where it is not known. */
  readonly operands: readonly (Constant | TensorType | undefined)[];
  readonly outputs: readonly TensorType[];
}

/** Nodes are never changed, and most of them stay from one graph to the next, which a pass has made. */
const inferences = new WeakMap<Node, Inference>();

function sameOperand(a: Constant | TensorType | undefined, b: Constant | TensorType | undefined): boolean {
  if (a === b) return true;
  // What a constant holds is part of it, and not compared.
  if (!a || !b || 'data' in a || 'data' in b || a.type !== b.type || a.shape.length !== b.shape.length) return false;
  return a.shape.every((extent, axis) => Object.is(extent, b.shape[axis]));
}

function inferNode(node: Node, analysis: Analysis, wanted: Set<string>, limits: AllLimits) {
  const operand = (name: string) => analysis.constants.get(name) ?? analysis.types.get(name);
  const known = inferences.get(node);
  if (known?.limits === limits && node.inputs.every((name, i) => sameOperand(operand(name), known.operands[i])))
    return known.outputs;
  const rule = shapeRules[node.op];
  if (!rule) return undefined;
  try {
    const outputs = rule(ruleInputOf(node, analysis));
    checkExtents(node, outputs, limits);
    inferences.set(node, { limits, operands: node.inputs.map(operand), outputs });
    return outputs;
  } catch (error) {
    if (!(error instanceof UnknownType)) throw error;
    if (error.wanted !== undefined) wanted.add(error.wanted);
    return undefined;
  }
}

/** Extents are counts, and few enough; whatever comes later multiplies them without another look. */
function checkExtents(node: Node, types: readonly TensorType[], limits: AllLimits): void {
  for (const { shape } of types) {
    if (shape.length > maxRank) throw new ShapeError(`a result of ${shape.length} axes, more than ${maxRank}`);
    const odd = shape.findIndex((extent) => !Number.isNaN(extent) && !(Number.isSafeInteger(extent) && extent >= 0));
    if (odd >= 0) throw new ShapeError(`a result with an extent of ${shape[odd]}`);
    checkSize(() => `node '${node.name}' (${node.op})`, shape, limits);
  }
}

function checkSize(what: () => string, shape: readonly number[], limits: AllLimits): void {
  let elements = 1;
  let largest = 0;
  for (const extent of shape) {
    elements *= extent;
    if (extent > largest) largest = extent;
  }
  // Not larger where an extent is unknown.
  if (elements > limits.maxTensorElements)
    checkLimit(limits, 'maxTensorElements', elements, `${what()}: elements of shape [${shape}]`);
  if (largest > limits.maxExtent)
    checkLimit(limits, 'maxExtent', largest, `${what()}: largest extent of shape [${shape}]`);
}

function evaluateNode(
  node: Node,
  analysis: Analysis,
  outputs: readonly TensorType[],
  budget: FoldingBudget,
): readonly Constant[] | undefined {
  const byShape = shapeEvaluationRules[node.op];
  const rule = byShape ?? evaluationRules[node.op];
  if (!rule || !outputs.every(isKnown)) return undefined;
  const input = ruleInputOf(node, analysis);
  let inputElements = 0;
  for (const index of node.inputs.keys()) {
    if (!input.has(index)) continue;
    const constant = input.constant(index);
    if (byShape ? !isKnown(input.input(index)) : !constant) return undefined;
    inputElements += constant ? sizeOf(constant) : 0;
  }
  const outputElements = outputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (!budget.allows(rule, inputElements, outputElements)) return undefined;
  try {
    return rule({ ...input, value: (index) => input.constant(index)!, outputs });
  } catch (error) {
    // A rule that cannot evaluate this case leaves it to the run, or to the refusal at lowering.
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * Types, shapes and known values of a graph.
 *
 * Inputs with named extents get unknown ones. With `strict`, shapes that do not fit together throw; without (shapes are not
 * bound yet) such values merely stay unknown, because the fault may lie in a guess of ours.
 */
export function analyze(graph: Graph, options: { strict: boolean; limits?: AllLimits | undefined }): Analysis {
  const limits = options.limits ?? defaultLimits;
  const budget = new FoldingBudget(graph, limits);
  const types = new Map<string, TensorType>();
  const constants = new Map<string, Constant>(graph.constants);
  for (const [name, { type, shape }] of graph.constants) types.set(name, { type, shape });
  for (const { name, type, shape } of graph.inputs) {
    const extents = shape.map((extent) => (typeof extent === 'number' ? extent : Number.NaN));
    checkSize(() => `input '${name}'`, extents, limits);
    types.set(name, { type, shape: extents });
  }
  const wanted = new Set<string>();
  const analysis: Analysis = { types, constants, wanted };
  for (const node of graph.nodes) {
    try {
      const outputs = inferNode(node, analysis, wanted, limits);
      if (!outputs) continue;
      for (const [index, name] of node.outputs.entries()) {
        const type = outputs[index];
        if (name !== '' && type) types.set(name, type);
      }
      // A node with an epilogue computes more than its operator.
      const values = node.epilogue
        ? undefined
        : evaluateNode(node, analysis, outputs.slice(0, node.outputs.length), budget);
      if (!values) continue;
      for (const [index, name] of node.outputs.entries())
        if (name !== '' && values[index]) constants.set(name, values[index]);
    } catch (error) {
      if (error instanceof LanewiseError && error.code === 'ERR_LIMIT') throw error;
      if (!options.strict) continue;
      if (!(error instanceof ShapeError)) throw error;
      const inputs = graph.inputs.map(({ name, shape }) => `${name} [${shape}]`).join(', ');
      const message = `node '${node.name}' (${node.op}): ${error.message} (with inputs ${inputs})`;
      throw new LanewiseError('ERR_MODEL_FORMAT', message, { cause: error });
    }
  }
  return analysis;
}
