/**
 * The API of onnxruntime-node on lanewise: `import * as ort from 'lanewise/onnxruntime'` in place of onnxruntime-node.
 * docs/onnxruntime.md says what is honoured and what differs.
 */
import * as environment from './environment.js';
import { InferenceSession } from './session.js';
import { Tensor } from './tensor.js';

export * from './environment.js';
export { InferenceSession, type InferenceSessionFactory } from './session.js';
export type {
  ExternalDataFileDescription,
  ExternalDataFileType,
  FileType,
  OnnxValue,
  OnnxValueDataLocation,
} from './session-types.js';
export { type CpuPinnedConstructorParameters, Tensor, type TensorConstructor, type TypedTensor } from './tensor.js';

/** For `import ort from`, and for what CommonJS programs compiled from TypeScript read. */
export default { ...environment, InferenceSession, Tensor };
