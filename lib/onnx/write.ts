/**
 * Graphs to ONNX files. What a graph does not know (documentation, metadata, functions, fields of later versions of the format)
 * comes from the file it was read from.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf';
import { LanewiseError } from '../errors.js';
import type { Dim, Graph, Node, ValueInfo } from '../graph/ir.js';
import { renameReads } from '../graph/values.js';
import { toStandard } from './expand/index.js';
import { attributeProtos } from './write-attributes.js';
import { tensorProto, valueInfoProto } from './write-tensor.js';

/** The last operator set that changed the form of an operator a graph may hold; later ones only add. Files of a later one keep theirs. */
export const WRITTEN_OPSET = 21n;
/** The version of the format that belongs to it. */
const WRITTEN_IR = 10n;

/** Protocol buffers count bytes in 31 bits. A little is left for everything that is not weights. */
const MAX_WEIGHT_BYTES = 2 ** 31 - 2 ** 24;

const standardDomains: ReadonlySet<string> = new Set(['', 'ai.onnx']);

/** Float types that are computed as float32: 16 bits, 64 bits and brain floats. */
const otherFloats: ReadonlySet<number> = new Set([10, 11, 16]);
const FLOAT32 = 1;

/** Operators whose meaning changed in a way nothing here lifts, and the operator set that did it. */
const changed: Readonly<Record<string, bigint>> = { Scan: 9n, RoiAlign: 16n, DFT: 20n };

/** A message of the original with other fields; what it has beyond them, unknown fields included, stays. */
const patched = <T extends object>(fresh: T, origin: T | undefined, fields: Partial<T>): T =>
  Object.assign(fresh, origin, fields);

/** Finds the node of the file that a node of the graph is, by its name or, where it has none, by its first output. */
function originsOf(nodes: readonly NodeProto[]): (node: Node) => NodeProto | undefined {
  const byName = new Map<string, NodeProto>();
  for (const node of [...nodes].reverse()) {
    const made = node.name || node.output.find((name) => name !== '');
    if (made !== undefined) byName.set(made, node);
  }
  return (node) => {
    const found = byName.get(node.name);
    return found && qualified(found) === node.op ? found : undefined;
  };
}

const qualified = ({ domain, opType }: NodeProto): string =>
  standardDomains.has(domain) ? opType : `${domain}.${opType}`;

function nodeProto(node: Node, origin: NodeProto | undefined): NodeProto {
  const dot = node.op.lastIndexOf('.');
  return patched(create(NodeProtoSchema), origin, {
    name: node.name,
    domain: node.op.slice(0, Math.max(0, dot)),
    opType: node.op.slice(dot + 1),
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: attributeProtos(node, origin?.attribute ?? [], graphProto),
  });
}

/** The port as the file had it; only extents that have become known since are put in. */
function portProto(port: ValueInfo, origin: ValueInfoProto | undefined, isBody: boolean): ValueInfoProto {
  const proto = valueInfoProto(port);
  if (!origin) {
    // The node that owns a body gives its ports their types.
    if (isBody) delete proto.type;
    return proto;
  }
  if (origin.type?.value.case !== 'tensorType') return origin;
  const dims = origin.type.value.value.shape?.dim ?? [];
  const isBound = (dim: Dim, axis: number) => typeof dim === 'number' && dims[axis]?.value.case !== 'dimValue';
  if (dims.length !== port.shape.length || !port.shape.some(isBound)) return origin;
  const { elemType } = origin.type.value.value;
  if (proto.type?.value.case === 'tensorType') proto.type.value.value.elemType = elemType;
  return patched(proto, origin, { ...(proto.type && { type: proto.type }) });
}

/** Inputs and outputs of another width of float keep it: a cast at the border. */
function castPorts(graph: Graph, inputs: readonly ValueInfoProto[], outputs: readonly ValueInfoProto[]): Graph {
  const elementType = ({ type }: ValueInfoProto) =>
    type?.value.case === 'tensorType' ? type.value.value.elemType : FLOAT32;
  const wide = (ports: readonly ValueInfoProto[]) => ports.filter((port) => otherFloats.has(elementType(port)));
  const [before, after] = [wide(inputs), wide(outputs)];
  if (before.length + after.length === 0) return graph;
  const inner = new Map([...before, ...after].map(({ name }) => [name, `${name}.float32`]));
  const rename = (name: string) => inner.get(name) ?? name;
  const cast = (from: string, to: string, type: number): Node => ({
    op: 'Cast',
    name: `${to}.cast`,
    inputs: [from],
    outputs: [to],
    attributes: { to: type },
  });
  const fed = new Set(inputs.map(({ name }) => name));
  return {
    ...graph,
    constants: new Map([...graph.constants].map(([name, constant]) => [rename(name), constant])),
    nodes: [
      ...before.map(({ name }) => cast(name, rename(name), FLOAT32)),
      ...graph.nodes.map((node) => ({ ...renameReads(node, rename), outputs: node.outputs.map(rename) })),
      ...after
        .filter(({ name }) => !fed.has(name))
        .map((port) => cast(rename(port.name), port.name, elementType(port))),
    ],
  };
}

function graphProto(graph: Graph, origin: GraphProto | undefined, isBody = true): GraphProto {
  const ports = (list: readonly ValueInfo[], protos: readonly ValueInfoProto[]) => {
    const byName = new Map(protos.map((proto) => [proto.name, proto]));
    return list.map((port) => portProto(port, byName.get(port.name), isBody));
  };
  const input = ports(graph.inputs, origin?.input ?? []);
  const output = ports(graph.outputs, origin?.output ?? []);
  const { nodes, constants } = isBody ? graph : castPorts(graph, input, output);
  const originOf = originsOf(origin?.node ?? []);
  const tensors = new Map(origin?.initializer.map((tensor) => [tensor.name, tensor]));
  const written = new Set(nodes.flatMap((node) => node.outputs));
  return patched(create(GraphProtoSchema), origin, {
    name: graph.name,
    input,
    output,
    node: nodes.map((node) => nodeProto(node, originOf(node))),
    initializer: [...constants].map(([name, constant]) => {
      const proto = tensorProto(name, constant);
      const { docString, metadataProps = [] } = tensors.get(name) ?? {};
      return Object.assign(proto, { metadataProps, ...(docString && { docString }) });
    }),
    // Values that are still computed; their float width may not be the file's any more.
    valueInfo: (origin?.valueInfo ?? []).filter(
      ({ name, type }) =>
        written.has(name) && !(type?.value.case === 'tensorType' && otherFloats.has(type.value.value.elemType)),
    ),
    quantizationAnnotation: (origin?.quantizationAnnotation ?? []).filter(
      ({ tensorName }) => written.has(tensorName ?? '') || constants.has(tensorName ?? ''),
    ),
  });
}

function checkChanged(graph: Graph, opset: bigint): void {
  const stuck = graph.nodes.filter(({ op }) => opset < (changed[op] ?? 0n));
  if (stuck.length === 0) return;
  const lines = stuck.map(
    ({ name, op }) => `  ${name} (${op}): means something else since operator set ${changed[op]}`,
  );
  throw new LanewiseError(
    'ERR_UNSUPPORTED_OPERATOR',
    `the model of operator set ${opset} has nodes that cannot be written in set ${WRITTEN_OPSET}:\n${lines.join('\n')}`,
  );
}

function checkSize(graph: Graph): void {
  const bytes = [...graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes <= MAX_WEIGHT_BYTES) return;
  throw new RangeError(
    `the model has ${(bytes / 2 ** 30).toFixed(1)} GiB of weights; one ONNX file holds less than 2 GiB, and weights beside the ` +
      'file cannot be written',
  );
}

export interface WrittenModel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many nodes it has. */
  readonly nodes: number;
}

/**
 * A graph as the bytes of an ONNX file, its epilogues and extensions written out in standard operators.
 *
 * @param origin the file the graph came from: everything in it but the graph's nodes and weights is kept. Training information
 *   is not: it is about weights that are gone.
 * @throws RangeError when the weights do not fit into one file; LanewiseError ERR_UNSUPPORTED_OPERATOR for the few operators of
 *   old operator sets that the written one does not have
 */
export function writeModel(graph: Graph, origin: ModelProto): WrittenModel {
  const opset = origin.opsetImport.find(({ domain }) => standardDomains.has(domain))?.version ?? WRITTEN_OPSET;
  checkChanged(graph, opset);
  const standard = toStandard(graph);
  checkSize(standard);
  const imports = origin.opsetImport.filter(({ domain }) => !standardDomains.has(domain));
  const version = opset > WRITTEN_OPSET ? opset : WRITTEN_OPSET;
  const irVersion = origin.irVersion > WRITTEN_IR ? origin.irVersion : WRITTEN_IR;
  const model = patched(create(ModelProtoSchema), origin, {
    irVersion,
    producerName: origin.producerName || 'lanewise',
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version }), ...imports],
    graph: graphProto(standard, origin.graph, false),
    trainingInfo: [],
  });
  return { bytes: toBinary(ModelProtoSchema, model), nodes: model.graph!.node.length };
}
