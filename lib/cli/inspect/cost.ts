/** What the nodes of a graph cost as they stand in the file; also of graphs that no plan can be made of. */
import type { Analysis } from '../../graph/analysis.js';
import { elementCount } from '../../graph/constant.js';
import { isFloat } from '../../graph/element-type.js';
import type { Graph, Node } from '../../graph/ir.js';

type Shape = readonly number[] | undefined;

/** Multiply-accumulates of one node, from the shapes of its first input, its weight and its output. */
const macs: Readonly<
  Record<string, (input: readonly number[], weight: readonly number[], output: readonly number[]) => number>
> = {
  Conv: (_input, weight, output) => elementCount(output) * elementCount(weight.slice(1)),
  ConvTranspose: (input, weight) => elementCount(input) * elementCount(weight.slice(1)),
  MatMul: (input, _weight, output) => elementCount(output) * (input.at(-1) ?? 1),
  Gemm: (_input, weight, output) => (elementCount(output) * elementCount(weight)) / (output.at(-1) ?? 1),
};

export interface NodeCost {
  readonly name: string;
  readonly op: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly (number | null)[];
  }[];
  /** null where shapes are not known. */
  readonly macs: number | null;
  /** Elements of the floating-point constants it reads. */
  readonly parameters: number;
}

const isComplete = (shape: Shape): shape is readonly number[] => shape !== undefined && !shape.some(Number.isNaN);

function nodeMacs(node: Node, { types }: Analysis): number | null {
  const rule = macs[node.op];
  if (!rule) return 0;
  const shapes = [node.inputs[0], node.inputs[1], node.outputs[0]].map((name) => types.get(name ?? '')?.shape);
  const [input, weight, output] = shapes;
  return isComplete(input) && isComplete(weight) && isComplete(output) ? rule(input, weight, output) : null;
}

export function nodeCosts(graph: Graph, analysis: Analysis): NodeCost[] {
  const size = (name: string): number => {
    const constant = graph.constants.get(name);
    return constant && isFloat(constant.type) ? constant.data.length : 0;
  };
  return graph.nodes.map((node) => ({
    name: node.name,
    op: node.op,
    outputs: node.outputs
      .filter((name) => name !== '')
      .map((name) => {
        const type = analysis.types.get(name);
        const shape = (type?.shape ?? []).map((extent) => (Number.isNaN(extent) ? null : extent));
        return { name, type: type?.type ?? 'unknown', shape };
      }),
    macs: nodeMacs(node, analysis),
    parameters: node.inputs.reduce((sum, name) => sum + size(name), 0),
  }));
}

/** Elements of all floating-point constants; one that several nodes read counts once. */
export const parameterCount = (graph: Graph): number =>
  [...graph.constants.values()].reduce((sum, { type, data }) => sum + (isFloat(type) ? data.length : 0), 0);
