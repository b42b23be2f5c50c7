/** Shapes that do not fit together at one node. Inference adds the node's name and decides whose fault it is. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}
