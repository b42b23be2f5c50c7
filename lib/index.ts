/**
 * lanewise: convolutional networks on the CPU inside Node.js. Everything public is exported here.
 *
 * Errors: `TypeError` for a wrong type, `RangeError` for a wrong shape or value, {@link LanewiseError} with a `code` for the
 * rest; always before any work, and with operator, argument, expected and got in the message.
 */
export { cpuInfo, setThreads } from './cpu.js';
export { type ErrorCode, LanewiseError } from './errors.js';
export {
  type ChannelScale,
  type FoldedBeforeLayer,
  type FoldedLayer,
  foldBatchNorm,
  foldScale,
  type LinearLayer,
} from './fold/index.js';
export { type FoldedModel, type FoldOptions, foldModel } from './fold-model.js';
export type { ReduceFunction } from './graph/plan-spec.js';
export {
  type Feeds,
  type LoadOptions,
  loadModel,
  Model,
  type ModelMemory,
  type ModelPort,
  type ModelReport,
  type ModelStats,
  type Results,
  type RunOptions,
} from './model.js';
export type { CpuInfo, Isa } from './native.js';
export type { Activation, ActivationName, ActivationObject } from './ops/activation.js';
export {
  type Conv2dOptions,
  type ConvOptions,
  conv2d,
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
  type SeparableConv2dOptions,
  separableConv2d,
} from './ops/conv.js';
export { type ConvTranspose2dOptions, convTranspose2d } from './ops/conv-transpose.js';
export {
  abs,
  add,
  type BinaryOperator,
  type BinaryOptions,
  ceil,
  clip,
  div,
  elu,
  erf,
  exp,
  floor,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  log,
  maximum,
  minimum,
  mish,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  round,
  sigmoid,
  sign,
  silu,
  softplus,
  sqrt,
  sub,
  tanh,
  type UnaryOperator,
} from './ops/elementwise.js';
export type { EpilogueOptions, EpilogueTensors } from './ops/epilogue.js';
export { type LinearOptions, linear, type MatmulOptions, matmul } from './ops/matmul.js';
export {
  type AxisOptions,
  type ChannelShuffleOptions,
  channelShuffle,
  concat,
  type PadOptions,
  pad,
  type SplitOptions,
  split,
  transpose,
} from './ops/movement.js';
export {
  type ChannelNormOptions,
  groupNorm,
  instanceNorm,
  type LayerNormOptions,
  layerNorm,
  logSoftmax,
  type NormOptions,
  type SoftmaxOptions,
  softmax,
} from './ops/normalize.js';
export type { OperatorOptions } from './ops/one-step.js';
export type { Layout, Padding, Vector } from './ops/options.js';
export {
  type AvgPool2dOptions,
  avgPool2d,
  type GlobalPoolOptions,
  globalAvgPool,
  globalMaxPool,
  maxPool2d,
  type Pool2dOptions,
} from './ops/pool.js';
export { type PrepareConv2dOptions, type PreparedConv2d, prepareConv2d } from './ops/prepared-conv.js';
export { type ReduceOptions, reduce } from './ops/reduce.js';
export { type Resize2dOptions, type ResizeCoordinates, type ResizeRounding, resize2d } from './ops/resize.js';
export {
  type BatchNorm,
  batchNorm,
  type ChannelOptions,
  prelu,
  type ScaleChannelsOptions,
  type SqueezeExciteOptions,
  scaleChannels,
  squeezeExcite,
} from './ops/scale.js';
export type { WindowOptions } from './ops/window.js';
export { fromPixels, type PictureSize, type PixelOptions } from './pixels.js';
export { Profile, type ProfileStep } from './profile.js';
export { type DataOf, type DataType, Tensor, tensor } from './tensor.js';
