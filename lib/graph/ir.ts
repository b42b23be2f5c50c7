/**
 * The logical graph: what a network computes, with nothing about how.
 *
 * Operators are those of the newest ONNX operator set, in its form (axes, pads and the like are inputs where ONNX made
 * them inputs); the reader lifts older operator sets to it. Fusion passes attach an {@link Epilogue} to the producer
 * instead of inventing an operator per combination. A graph is never changed in place: a pass returns a new one.
 *
 * Beyond ONNX there are these operators, which passes make and no file holds:
 * - ChannelScale (x, scale, shift?): x*scale + shift with one element, or one per channel (axis 1); its constants are float64
 *   until lowering, so that scales that meet on their way to a weight are rounded once.
 * - Silu (x); ChannelShuffle (x) with `group`.
 * - SqueezeExcite (x, w1 [R, C], b1, w2 [C, R], b2) with `activation` and `gate`, each the name of an {@link ActivationKind}
 *   with its parameters in `activation_alpha`, `activation_beta`, `gate_alpha`, `gate_beta`; `add_input` adds x.
 *
 * and these extensions of ONNX operators:
 * - Conv: `padValue`, a constant with the value of the border per input channel (0 without).
 * - MatMul: a third input, the bias along the last axis, and `transB`.
 * - HardSwish: `alpha` and `beta` of its hard sigmoid (1/6 and 1/2 without).
 * - LayerNormalization: scale and bias may be left out.
 * - PRelu: `alongChannels`, the meaning of operator sets before 7: a slope of C elements belongs to axis 1.
 * - Softmax, LogSoftmax: `flatten`, the meaning of operator sets before 13: over all axes from `axis` on.
 */

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Element types a graph may mention. Only float32 is computed natively; the rest carry shapes, indices and constants. */
export type ElementType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool'
  | 'string';

/** A tensor known before the run: row-major data, one element per product of `shape`. float16 is widened to float32 by the reader. */
export interface Constant {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Of stored weights a new array each time: see `stored.ts`. */
  readonly data: TypedArray;
  readonly stored?: StoredElements;
}

/** Bytes that can be read again as long as the model may need them. */
export interface WeightFile {
  /** @throws Error when the file has changed, or ends before `into` is full */
  read(offset: number, into: Uint8Array): void;
}

/** Little-endian float32 elements in a file. */
export interface StoredElements {
  readonly file: WeightFile;
  readonly offset: number;
  /** One factor per extent of the first axis, multiplied in double. */
  readonly scale?: Float64Array;
}

/** An extent: a number, or the name of one that is bound when the input shapes are known. */
export type Dim = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dim[];
}

export type ActivationKind =
  | 'none'
  | 'relu'
  | 'clip'
  | 'leakyRelu'
  | 'prelu'
  | 'hardSigmoid'
  | 'hardSwish'
  | 'sigmoid'
  | 'silu'
  | 'tanh'
  | 'gelu'
  | 'geluTanh';

/**
 * A pointwise function with its parameters:
 * clip: min(beta, max(alpha, x)); leakyRelu: alpha is the slope; hardSigmoid: max(0, min(1, alpha*x + beta));
 * hardSwish: x * max(0, min(1, alpha*x + beta)); gelu: 0.5x(1 + erf(x/sqrt 2)); geluTanh: its tanh approximation.
 * prelu: `slope` names a constant of one value, or one value per output channel.
 */
export interface Activation {
  readonly kind: ActivationKind;
  readonly alpha?: number;
  readonly beta?: number;
  readonly slope?: string;
}

/**
 * What happens to an accumulator before it is stored, in this order:
 * `v = acc + bias; v = v*scale + shift; v += residual; v = activation(v); v *= gate`.
 * With `addAfterActivation` the residual is added after the activation instead. Every name is a value of the graph;
 * scale and shift have one element per output channel; residual has the output's shape; gate has it too, or is
 * [N, C, 1, 1].
 */
export interface Epilogue {
  readonly scale?: string;
  readonly shift?: string;
  readonly residual?: string;
  readonly activation?: Activation;
  readonly gate?: string;
  readonly addAfterActivation?: boolean;
}

export type Attribute = number | string | boolean | readonly number[] | readonly string[] | Constant | Graph;

export interface Node {
  readonly op: string;
  /** As in the file, or made up by the reader: never empty, unique, used in every message. */
  readonly name: string;
  /** Value names; '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly epilogue?: Epilogue;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** In topological order. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
}
