/** The declarations of onnxruntime-common against ours: to compile this file is the test. */
import type * as Theirs from 'onnxruntime-node';
import type * as ort from '#lib/onnxruntime/index.js';
import type * as Types from '#lib/onnxruntime/session-types.js';

/** What programs hand over, declared with their types, is accepted by ours; what they receive fits theirs. */
type Accepts<Ours, Given extends Ours> = Given;
type Fits<Expected, Ours extends Expected> = Ours;
type Session = Theirs.InferenceSession;
export type Given = [
  Accepts<ort.InferenceSession.SessionOptions, Theirs.InferenceSession.SessionOptions>,
  Accepts<ort.InferenceSession.RunOptions, Theirs.InferenceSession.RunOptions>,
  Accepts<Types.Fetches, Theirs.InferenceSession.FetchesType>,
  Accepts<Types.Feeds, Theirs.InferenceSession.FeedsType>,
];
export type Received = [
  Fits<Session, ort.InferenceSession>,
  Fits<Theirs.Tensor, ort.Tensor>,
  Fits<Theirs.TypedTensor<'int64'>, ort.TypedTensor<'int64'>>,
  Fits<Theirs.InferenceSession.ReturnType, ort.InferenceSession.ReturnType>,
  Fits<Theirs.InferenceSession.ValueMetadata, ort.InferenceSession.ValueMetadata>,
  Fits<Theirs.Tensor.DataTypeMap, ort.Tensor.DataTypeMap>,
  Fits<Theirs.Tensor.ElementTypeMap, ort.Tensor.ElementTypeMap>,
  Fits<Theirs.InferenceSessionFactory, typeof ort.InferenceSession>,
  Fits<Theirs.TensorConstructor, typeof ort.Tensor>,
  Fits<Theirs.Env['logLevel'], ort.Env['logLevel']>,
];
