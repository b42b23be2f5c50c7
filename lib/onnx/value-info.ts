/** What a file says about the inputs and outputs of a graph. */
import type { ValueInfoProto } from 'onnx-buf';
import { elementTypeOfCode } from '../graph/element-type.js';
import type { Dim, ValueInfo } from '../graph/ir.js';
import { formatError } from './format-error.js';

/** An extent that is missing, zero or negative in the file means "known at run time", as exporters use it. */
function readDims(proto: ValueInfoProto): Dim[] | undefined {
  if (proto.type?.value.case !== 'tensorType') return undefined;
  return proto.type.value.value.shape?.dim.map(({ value }, axis) => {
    if (value.case === 'dimValue' && value.value > 0n) return Number(value.value);
    return (value.case === 'dimParam' && value.value) || `${proto.name}.${axis}`;
  });
}

export function readInput(proto: ValueInfoProto): ValueInfo {
  if (proto.name === '') throw formatError('an input of the graph has no name');
  if (proto.type?.value.case !== 'tensorType') throw formatError(`input '${proto.name}' is not a tensor`);
  const type = elementTypeOfCode(proto.type.value.value.elemType);
  if (!type)
    throw formatError(
      `input '${proto.name}' has element type ${proto.type.value.value.elemType}, which is not supported`,
    );
  const shape = readDims(proto);
  if (!shape) throw formatError(`input '${proto.name}' has no shape`);
  return { name: proto.name, type, shape };
}

/** Outputs say their shape out of courtesy: inference finds it again. */
export function readOutput(proto: ValueInfoProto): ValueInfo {
  if (proto.name === '') throw formatError('an output of the graph has no name');
  const code = proto.type?.value.case === 'tensorType' ? proto.type.value.value.elemType : 0;
  return { name: proto.name, type: elementTypeOfCode(code) ?? 'float32', shape: readDims(proto) ?? [] };
}
