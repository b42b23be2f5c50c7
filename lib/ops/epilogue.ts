/** What convolutions and matrix products do to an accumulator before it is stored. */
import { shapeText } from '../describe.js';
import type { PlanEpilogue, ValueIndex } from '../graph/plan-spec.js';
import { checkFloat32, type Tensor } from '../tensor.js';
import { type Activation, type CheckedActivation, checkActivation } from './activation.js';
import { callerShape, type ImageShape } from './layout.js';
import type { OneStep } from './one-step.js';
import { checkFlag, checkVector, type Layout, type Vector } from './options.js';

/** `v = acc + bias; v = v*scale + shift; v += residual; v = activation(v); v *= gate`, in registers. */
export interface EpilogueOptions {
  /** One value per output channel. */
  readonly bias?: Vector | undefined;
  /** One value per output channel, or one for all. */
  readonly scale?: Vector | undefined;
  /** One value per output channel, or one for all. */
  readonly shift?: Vector | undefined;
  readonly activation?: Activation | undefined;
}

/** Parts of an epilogue that are as large as the result. */
export interface EpilogueTensors {
  /** Added before the activation; the shape of the result. */
  readonly residual?: Tensor | undefined;
  /** Adds the residual after the activation instead. */
  readonly addAfterActivation?: boolean | undefined;
  /** Multiplied last; the shape of the result, or one value per image and channel ([N, C, 1, 1], or [N, 1, 1, C]). */
  readonly gate?: Tensor | undefined;
}

export const epilogueNames = ['bias', 'scale', 'shift', 'activation'] as const;
export const epilogueTensorNames = ['residual', 'addAfterActivation', 'gate'] as const;

export interface Epilogue extends CheckedActivation {
  readonly bias?: Float32Array;
  readonly scale?: Float32Array;
  readonly shift?: Float32Array;
}

/** The channel parts of an epilogue, whose lengths depend on nothing but the number of output channels. */
export function checkEpilogue(op: string, options: EpilogueOptions, channels: number): Epilogue {
  const perChannel = (name: 'scale' | 'shift' | 'slope', value: unknown): Float32Array => {
    const data = checkVector(op, name, value, null);
    if (data.length === channels || data.length === 1) return data;
    throw new RangeError(`${op}: ${name}: expected 1 value or ${channels}, one per output channel, got ${data.length}`);
  };
  const { slope, ...activation } = checkActivation(op, options.activation);
  const affine = options.scale !== undefined || options.shift !== undefined;
  return {
    ...activation,
    ...(slope && { slope: perChannel('slope', slope) }),
    ...(options.bias !== undefined && {
      bias: checkVector(op, 'bias', options.bias, channels, 'values, one per output channel'),
    }),
    ...(affine && {
      scale: options.scale === undefined ? Float32Array.of(1) : perChannel('scale', options.scale),
      shift: options.shift === undefined ? Float32Array.of(0) : perChannel('shift', options.shift),
    }),
  };
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

/** The epilogue of a step whose result has the plan shape `y`; `layout` is that of the caller's tensors. */
export function addEpilogue(
  op: string,
  plan: OneStep,
  epilogue: Epilogue,
  tensors: EpilogueTensors,
  y: readonly number[],
  layout: Layout,
): { epilogue?: PlanEpilogue } {
  const seen = (shape: readonly number[]) => (layout === 'nhwc' ? callerShape(shape as ImageShape, layout) : shape);
  const operand = (name: 'residual' | 'gate', value: unknown, allowed: readonly (readonly number[])[]): ValueIndex => {
    const tensor = checkFloat32(op, name, value);
    const shape = allowed.find((candidate) => same(seen(candidate), tensor.shape));
    if (shape) return plan.input(name, tensor, shape, layout);
    const expected = allowed.map((candidate) => shapeText(seen(candidate))).join(' or ');
    throw new RangeError(`${op}: ${name}: expected shape ${expected}, got ${shapeText(tensor.shape)}`);
  };
  const { residual, gate } = tensors;
  const addAfterActivation = checkFlag(op, 'addAfterActivation', tensors.addAfterActivation);
  const result: PlanEpilogue = {
    ...(epilogue.bias && { bias: plan.constant('bias', epilogue.bias) }),
    ...(epilogue.scale && { scale: plan.constant('scale', epilogue.scale) }),
    ...(epilogue.shift && { shift: plan.constant('shift', epilogue.shift) }),
    ...(epilogue.slope && { slope: plan.constant('slope', epilogue.slope) }),
    ...(epilogue.activation && { activation: epilogue.activation }),
    ...(residual !== undefined && { residual: operand('residual', residual, [y]) }),
    ...(gate !== undefined && { gate: operand('gate', gate, [y, [y[0]!, y[1]!, 1, 1]]) }),
    ...(addAfterActivation && { addAfterActivation }),
  };
  return Object.keys(result).length > 0 ? { epilogue: result } : {};
}
