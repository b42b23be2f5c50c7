/** Epilogues of nodes as those of steps. */
import { elementCount } from '../constant.js';
import type { Activation } from '../ir.js';
import type { PlanActivation, PlanEpilogue, ValueIndex } from '../plan-spec.js';
import { type LowerInput, UnsupportedNode } from './builder.js';

export const planActivation = ({ kind, alpha = 0, beta = 0 }: Activation): PlanActivation => ({ kind, alpha, beta });

/** `{ activation }` for steps that take no more than one; anything else in the epilogue would be a fault of a pass. */
export function activationOnly(context: LowerInput): { activation?: PlanActivation } {
  const { epilogue } = context.node;
  if (!epilogue) return {};
  const { activation, ...rest } = epilogue;
  if (Object.keys(rest).length > 0 || activation?.slope !== undefined)
    throw new UnsupportedNode('the epilogue has parts this operator does not take');
  return activation ? { activation: planActivation(activation) } : {};
}

/**
 * The epilogue of a convolution or matrix product.
 * @param view turns a value of the node's output shape into the one the step computes in (1-D convolutions run as 2-D)
 */
export function planEpilogue(
  context: LowerInput,
  bias: ValueIndex | undefined,
  view: (index: ValueIndex) => ValueIndex = (index) => index,
): { epilogue?: PlanEpilogue } {
  const { builder, node } = context;
  const { scale, shift, residual, gate, activation, addAfterActivation } = node.epilogue ?? {};
  const value = (name: string) => builder.valueOf(name);
  const flat = (name: string) => {
    const index = value(name);
    return builder.reshaped(index, [elementCount(builder.shapeOf(index))]);
  };
  const epilogue: PlanEpilogue = {
    ...(bias !== undefined && { bias }),
    ...(scale !== undefined && { scale: flat(scale) }),
    ...(shift !== undefined && { shift: flat(shift) }),
    ...(residual !== undefined && { residual: view(value(residual)) }),
    ...(activation && { activation: planActivation(activation) }),
    ...(activation?.slope !== undefined && { slope: flat(activation.slope) }),
    ...(gate !== undefined && { gate: view(value(gate)) }),
    ...(addAfterActivation && { addAfterActivation }),
  };
  return Object.keys(epilogue).length > 0 ? { epilogue } : {};
}
