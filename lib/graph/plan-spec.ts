/**
 * What the native plan is built from: plain data, every shape known, every value a number. `lower.ts` and the eager
 * operators write it; `native/addon/plan_spec.cc` reads it field by field, so a change here is a change there.
 * Over 400 lines: the types are one language, of which each is a word.
 */

import type { StoredElements, TypedArray } from './ir.js';

export type UnaryFunction =
  | 'relu'
  | 'clip'
  | 'leakyRelu'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'sigmoid'
  | 'silu'
  | 'tanh'
  | 'gelu'
  | 'geluTanh'
  | 'identity'
  | 'abs'
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'reciprocal'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'sign'
  | 'erf'
  | 'softplus'
  | 'elu'
  | 'mish'
  | 'selu'
  | 'thresholdedRelu'
  | 'softsign'
  | 'shrink'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'asinh'
  | 'acosh'
  | 'atanh';

export type BinaryFunction = 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'pow' | 'prelu' | 'fmod' | 'mod';

export type ReduceFunction =
  | 'sum'
  | 'mean'
  | 'max'
  | 'min'
  | 'prod'
  | 'l1'
  | 'l2'
  | 'sumSquare'
  | 'logSum'
  | 'logSumExp';

/** Element types of values. Only float32 has vector kernels; see native/README.md. */
export type PlanType = 'float32' | 'int64' | 'int32' | 'uint8' | 'int8' | 'bool';

/** Index into {@link PlanSpec.values}. */
export type ValueIndex = number;

export interface PlanActivation {
  readonly kind: string; // ActivationKind
  readonly alpha: number;
  readonly beta: number;
}

/** See `Epilogue` in ir.ts for the order; here values are indices, and the bias of the operator is part of it. */
export interface PlanEpilogue {
  readonly bias?: ValueIndex; // [O]
  readonly scale?: ValueIndex; // [O]
  readonly shift?: ValueIndex; // [O]
  readonly residual?: ValueIndex; // shape of y
  readonly slope?: ValueIndex; // [1] or [O], for prelu
  readonly gate?: ValueIndex; // shape of y, or [N, O, 1, 1]
  readonly activation?: PlanActivation;
  readonly addAfterActivation?: boolean;
}

export type Pair = readonly [h: number, w: number];
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

interface Step<Op extends string> {
  readonly op: Op;
  readonly name: string;
  readonly inputs: readonly ValueIndex[];
  readonly outputs: readonly ValueIndex[];
}

/** inputs [x NCHW, w OIHW]. `padValue` is a constant [C]: the value of the border, channel by channel (default 0). */
export interface Conv2dStep extends Step<'conv2d'> {
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly groups: number;
  readonly padValue?: ValueIndex;
  readonly epilogue?: PlanEpilogue;
}
/** inputs [x NCHW, w C(O/g)HW]; the extent of y tells the output padding. */
export interface ConvTranspose2dStep extends Step<'convTranspose2d'> {
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly groups: number;
  readonly epilogue?: PlanEpilogue;
}
/** inputs [a ...MK, b ...KN (or ...NK with transposeB)], leading dimensions broadcast. Bias and slope run along N. */
export interface MatmulStep extends Step<'matmul'> {
  readonly transposeB: boolean;
  readonly epilogue?: PlanEpilogue;
}
/** inputs [x NCHW]. Output extents come from y, so ceil mode needs no flag. Padding never wins a max. */
export interface Pool2dStep extends Step<'pool2d'> {
  readonly kind: 'max' | 'avg';
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly countIncludePad: boolean;
}
/** x NCHW -> [N, C, 1, 1] */
export interface GlobalPoolStep extends Step<'globalPool'> {
  readonly kind: 'max' | 'avg';
}
/** `scales` are those of the model: with half_pixel and the like they, not the ratio of extents, map the coordinates. */
export interface Resize2dStep extends Step<'resize2d'> {
  readonly mode: 'nearest' | 'linear';
  readonly coordinates: 'half_pixel' | 'half_pixel_symmetric' | 'pytorch_half_pixel' | 'align_corners' | 'asymmetric';
  readonly rounding: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil';
  readonly scales: Pair;
}
export interface SoftmaxStep extends Step<'softmax'> {
  readonly axis: number;
  readonly log: boolean;
}
/** inputs [x, gamma?, beta?] (both or none). layer: statistics over axes >= axis, gamma has that shape; group: [N, C, ...] by `groups` of channels, gamma is [C]. */
export interface NormalizeStep extends Step<'normalize'> {
  readonly kind: 'layer' | 'group';
  readonly axis: number;
  readonly groups: number;
  readonly epsilon: number;
  readonly activation?: PlanActivation;
}
export interface UnaryStep extends Step<'unary'> {
  readonly fn: UnaryFunction;
  readonly alpha: number;
  readonly beta: number;
}
/** inputs [a, b], broadcast to y. prelu: a > 0 ? a : a*b. */
export interface BinaryStep extends Step<'binary'> {
  readonly fn: BinaryFunction;
  readonly activation?: PlanActivation;
}
/** inputs [x, scale, shift?]: y = activation(x*scale + shift), scale and shift of C (axis 1) elements, of a divisor of C (consecutive channels share one), or of one. */
export interface ScaleStep extends Step<'scale'> {
  readonly activation?: PlanActivation;
}
/** inputs [x NCHW, w1 R,C, b1 R, w2 C,R, b2 C]: y = x * g with g = gate(w2*activation(w1*mean(x) + b1) + b2), or x * (g + 1). */
export interface SqueezeExciteStep extends Step<'squeezeExcite'> {
  readonly activation: PlanActivation;
  readonly gate: PlanActivation;
  readonly addInput?: boolean;
}
export interface ConcatStep extends Step<'concat'> {
  readonly axis: number;
}
export interface SplitStep extends Step<'split'> {
  readonly axis: number;
}
/** out[k*groups + r] = in[r*(C/groups) + k], along axis 1. */
export interface ChannelShuffleStep extends Step<'channelShuffle'> {
  readonly groups: number;
}
export interface TransposeStep extends Step<'transpose'> {
  readonly permutation: readonly number[];
}
/** One start and one step (may be negative) per axis; extents come from y. */
export interface SliceStep extends Step<'slice'> {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}
/** Elements added before each axis (negative crops); extents come from y. */
export interface PadStep extends Step<'pad'> {
  readonly mode: 'constant' | 'reflect' | 'edge' | 'wrap';
  readonly begins: readonly number[];
  readonly value: number;
}
export interface ReduceStep extends Step<'reduce'> {
  readonly fn: ReduceFunction;
  readonly axes: readonly number[];
}
/** Same elements, the shape of y. */
export interface ReshapeStep extends Step<'reshape'> {}
/** Broadcast x to the shape of y. */
export interface ExpandStep extends Step<'expand'> {}
export interface GatherStep extends Step<'gather'> {
  readonly axis: number;
  readonly indices: readonly number[];
}

/**
 * Along `axis`, output position o is the sum over taps t from starts[o] to starts[o + 1] of weights[t]*x[indices[t]], and
 * `fill` where there are none.
 */
export interface InterpolateStep extends Step<'interpolate'> {
  readonly axis: number;
  readonly starts: readonly number[];
  readonly indices: readonly number[];
  readonly weights: readonly number[];
  readonly fill: number;
}
/** Windows over any number of spatial axes; norm: (sum |x|^p)^(1/p). */
export interface WindowPoolStep extends Step<'windowPool'> {
  readonly kind: 'max' | 'avg' | 'norm';
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly countIncludePad: boolean;
  readonly p: number;
}
/** y = x / (bias + alpha/size * sum of x^2 over `size` channels around)^beta */
export interface LrnStep extends Step<'lrn'> {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}
export interface HardmaxStep extends Step<'hardmax'> {
  readonly axis: number;
}
/** inputs [x NC..., grid N...d] of two or three spatial axes; positions from -1 to 1, the last axis first. */
export interface GridSampleStep extends Step<'gridSample'> {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly padding: 'zeros' | 'border' | 'reflection';
  readonly alignCorners: boolean;
}
/** inputs [x NCHW, regions [R, 4], image numbers [R]]; `samples` per bin and axis, 0: as many as pixels. */
export interface RoiAlignStep extends Step<'roiAlign'> {
  readonly max: boolean;
  readonly halfPixel: boolean;
  readonly samples: number;
  readonly scale: number;
}
/** inputs [x NCHW, regions [R, 5], the image number first]. */
export interface MaxRoiPoolStep extends Step<'maxRoiPool'> {
  readonly scale: number;
}
/** inputs [x NCHW, offsets [N, 2*groups*taps, OH, OW], mask?] -> [N, C*taps, OH*OW], what a deformable convolution multiplies. */
export interface DeformColumnsStep extends Step<'deformColumns'> {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly groups: number;
}
/** after * fn(before*x) + shift */
export interface CellFunction {
  readonly fn: UnaryFunction;
  readonly alpha: number;
  readonly beta: number;
  readonly before: number;
  readonly after: number;
  readonly shift: number;
}
/**
 * inputs [x·W^T [S, B, D*g*H], r [D, g*H, H], bias [D, 2*g*H], lengths [B], h0 [D, B, H], c0 [D, B, H], peepholes [D, 3*H]],
 * outputs [y [S, D, B, H], last h [D, B, H], last c [D, B, H]]; gates and weights in the order of ONNX.
 */
export interface RecurrentStep extends Step<'recurrent'> {
  readonly kind: 'rnn' | 'gru' | 'lstm';
  readonly activations: readonly CellFunction[];
  readonly clip: number;
  readonly reverse: boolean;
  readonly inputForget: boolean;
  readonly linearBeforeReset: boolean;
}

/**
 * Scalar loops over row-major memory, one per name. Operands broadcast where an element-by-element operator has two; its
 * result has their type, that of a comparison is bool. What `integers` mean (and inputs, where they are not obvious):
 * - isInf: [negative counts, positive counts]
 * - where: inputs [condition, x, y]; cast: from the type of x to that of y
 * - gather, gatherElements: [axis]; gatherNd: [batch axes]
 * - scatterElements: [axis, reduction]; scatterNd: [reduction]: 0 none, 1 add, 2 mul, 3 min, 4 max
 * - oneHot: inputs [indices, [off, on]], [axis of y]
 * - arg: [axis, largest, the last of equals]; topK: outputs [values, indices], [axis, largest]
 * - take: inputs [x, fill], for each axis the extent of y and as many positions of x, -1 for the fill
 * - triangle: [upper, diagonal]
 * - reduce...: the axes; cumulativeSum: [axis, exclusive, reverse]
 * - maxPool: outputs [largest, index], [kernel, strides, dilations (h, w each), top, left, column-major]
 * - quantize, dequantize: inputs [x, scale, zero point], [axis, block]; dynamicQuantize: outputs [y, scale, zero point]
 * - requantize: inputs [sums, scale a, scale b, scale y, zero y], [axis of b's scales]
 * - integerMatmul: inputs [a, b, zero a, zero b], [batch, rows, inner extent, columns, b has batches]
 * - integerConv: inputs [x, w, zero x, zero w, bias?], [strides, dilations (h, w each), top, left, groups]
 */
export interface TypedStep extends Step<'typed'> {
  readonly fn: TypedFunction;
  readonly integers: readonly number[];
}

export type TypedFunction =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'fmod'
  | 'min'
  | 'max'
  | 'pow'
  | 'bitAnd'
  | 'bitOr'
  | 'bitXor'
  | 'bitNot'
  | 'shiftLeft'
  | 'shiftRight'
  | 'equal'
  | 'less'
  | 'lessOrEqual'
  | 'and'
  | 'or'
  | 'xor'
  | 'not'
  | 'neg'
  | 'abs'
  | 'sign'
  | 'isNaN'
  | 'isInf'
  | 'where'
  | 'cast'
  | 'gather'
  | 'gatherElements'
  | 'gatherNd'
  | 'scatterElements'
  | 'scatterNd'
  | 'oneHot'
  | 'arg'
  | 'topK'
  | 'take'
  | 'triangle'
  | 'reduceSum'
  | 'reduceProd'
  | 'reduceMin'
  | 'reduceMax'
  | 'cumulativeSum'
  | 'maxPool'
  | 'quantize'
  | 'dequantize'
  | 'dynamicQuantize'
  | 'requantize'
  | 'integerMatmul'
  | 'integerConv';

export type PlanStep =
  | Conv2dStep
  | ConvTranspose2dStep
  | MatmulStep
  | Pool2dStep
  | GlobalPoolStep
  | Resize2dStep
  | SoftmaxStep
  | NormalizeStep
  | UnaryStep
  | BinaryStep
  | ScaleStep
  | SqueezeExciteStep
  | ConcatStep
  | SplitStep
  | ChannelShuffleStep
  | TransposeStep
  | SliceStep
  | PadStep
  | ReduceStep
  | ReshapeStep
  | ExpandStep
  | GatherStep
  | InterpolateStep
  | WindowPoolStep
  | LrnStep
  | HardmaxStep
  | GridSampleStep
  | RoiAlignStep
  | MaxRoiPoolStep
  | DeformColumnsStep
  | RecurrentStep
  | TypedStep;

/**
 * A tensor of the plan; with `data` it is a constant (row-major). Its elements are float32 unless `type` says otherwise. `id` names a constant that
 * several plans of a model share: its packed forms are kept once, in the model's `Weights`.
 */
export interface PlanValue {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of a constant: its elements, or where they are stored. */
  readonly data?: TypedArray | StoredElements;
  readonly type?: PlanType;
  readonly id?: number;
}

/** An input or output: the shape of the value is always logical (NCHW); `layout` says how the caller's array holds it. */
export interface PlanPort {
  readonly value: ValueIndex;
  readonly layout: 'nchw' | 'nhwc';
}

export interface PlanSpec {
  readonly values: readonly PlanValue[];
  readonly inputs: readonly PlanPort[];
  readonly outputs: readonly PlanPort[];
  readonly steps: readonly PlanStep[];
}
