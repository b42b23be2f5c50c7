/** What a model takes and gives: tensors of the element types that its file declares. */
import { describe } from './describe.js';
import { isFloat } from './graph/element-type.js';
import type { Constant, ElementType } from './graph/ir.js';
import type { NativeArray } from './native.js';
import { checkMemory, type DataOf, type DataType, Tensor } from './tensor.js';

/** The type of the tensor that a value of the model becomes: floats of every width are float32. */
export const tensorTypeOf = (type: ElementType): DataType => (isFloat(type) ? 'float32' : type) as DataType;

/**
 * A tensor that was given for an input. Looked at on every call, because its buffer may have been transferred.
 * @throws TypeError when it is no tensor of the declared type, or its memory cannot be used
 */
export function checkFeed(where: string, name: string, value: unknown, declared: ElementType): Tensor<DataType> {
  const at = `${where}: input '${name}'`;
  const type = tensorTypeOf(declared);
  if (!(value instanceof Tensor)) throw new TypeError(`${at}: expected a ${type} Tensor, got ${describe(value)}`);
  const feed = value as Tensor<DataType>;
  if (feed.type !== type) throw new TypeError(`${at}: expected a ${type} Tensor, got ${feed.type}`);
  checkMemory(at, feed.data, feed.shape);
  return feed;
}

/** What a plan wrote, as a tensor. */
export const resultOf = (type: ElementType, data: NativeArray, shape: readonly number[]): Tensor<DataType> =>
  new Tensor(tensorTypeOf(type), data as DataOf<DataType>, shape);

/** A tensor as a constant of a graph, of its own memory. */
export const constantOfTensor = ({ type, data, shape }: Tensor<DataType>): Constant => ({
  type,
  shape,
  data: data.slice(),
});
