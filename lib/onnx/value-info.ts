/** What a file says about the inputs and outputs of a graph. */
import { elementTypeOfCode } from '../graph/element-type.js';
import type { Dim, ValueInfo } from '../graph/ir.js';
import { formatError } from './format-error.js';
import type { ValueMessage } from './messages.js';

/** An extent that is missing, zero or negative in the file means "known at run time", as exporters use it. */
const readDims = ({ name, tensor }: ValueMessage): Dim[] | undefined =>
  tensor?.dims?.map((dim, axis) => ((typeof dim === 'number' ? dim > 0 : dim) ? dim! : `${name}.${axis}`));

export function readInput(message: ValueMessage): ValueInfo {
  const { name, tensor } = message;
  if (name === '') throw formatError('an input of the graph has no name');
  if (!tensor) throw formatError(`input '${name}' is not a tensor`);
  const type = elementTypeOfCode(tensor.elemType);
  if (!type) throw formatError(`input '${name}' has element type ${tensor.elemType}, which is not supported`);
  const shape = readDims(message);
  if (!shape) throw formatError(`input '${name}' has no shape`);
  return { name, type, shape };
}

/** Outputs say their shape out of courtesy: inference finds it again. */
export function readOutput(message: ValueMessage): ValueInfo {
  const { name, tensor } = message;
  if (name === '') throw formatError('an output of the graph has no name');
  return { name, type: elementTypeOfCode(tensor?.elemType ?? 0) ?? 'float32', shape: readDims(message) ?? [] };
}
