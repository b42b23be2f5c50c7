/** Models folded into smaller models: what loading does to a graph, as a file any runtime can load. */
import { describe, nearest } from './describe.js';
import { analyze } from './graph/analysis.js';
import { bindInputs, simplifying } from './graph/compile.js';
import { native } from './native.js';
import { reading } from './onnx/read.js';
import { type ModelSource, readSource } from './source.js';
import { inTurns } from './work.js';

export interface FoldOptions {
  /**
   * Shapes of inputs whose extents the file leaves open; they become fixed, and the arithmetic of shapes with them. Without it
   * symbolic extents stay symbolic.
   */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
}

export interface FoldedModel {
  /** An ONNX file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Nodes in the file that was read (constants not counted), and in the one that was made. */
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** Nodes each pass took out; negative for one that put more in. */
  readonly removed: Readonly<Record<string, number>>;
}

function checkOptions(options: unknown): asserts options is FoldOptions {
  const where = 'foldModel';
  if (options === null || typeof options !== 'object')
    throw new TypeError(`${where}: options: expected an object, got ${describe(options)}`);
  const stranger = Object.keys(options).find((name) => name !== 'inputShapes');
  if (stranger !== undefined) {
    const near = nearest(stranger, ['inputShapes']);
    throw new TypeError(`${where}: unknown option '${stranger}'${near ? ` (did you mean '${near}'?)` : ''}`);
  }
  const { inputShapes } = options as FoldOptions;
  if (inputShapes === undefined) return;
  if (inputShapes === null || typeof inputShapes !== 'object')
    throw new TypeError(`${where}: inputShapes: expected an object of shapes, got ${describe(inputShapes)}`);
  for (const [name, shape] of Object.entries(inputShapes)) {
    if (!Array.isArray(shape) || !shape.every((extent) => typeof extent === 'number'))
      throw new TypeError(`${where}: inputShapes: '${name}': expected an array of numbers, got ${describe(shape)}`);
  }
}

/**
 * Folds an ONNX model into a smaller one that computes the same: batch normalisations, scales and paddings go into weights, parallel
 * branches become one convolution, what is known before the run becomes constant.
 *
 * The result is of operator set 21 (or the model's, if newer) and holds standard operators only, beside those of the model that
 * nobody here knows: they pass through. Names of inputs, outputs and nodes, symbolic extents, metadata, documentation,
 * functions and imported domains stay; training information does not. Weights of any float type become float32, while
 * inputs and outputs keep their types. Weights beside the file move into it.
 *
 * @param source path, file URL, or the bytes of an ONNX file
 * @throws LanewiseError ERR_MODEL_FORMAT when the file is not a complete, consistent model; ERR_UNSUPPORTED_OPERATOR for the few
 *   operators whose meaning has changed since the model's operator set (Scan, RoiAlign, DFT); RangeError for input shapes the model
 *   does not take, and for weights of 2 GiB and more, which one file cannot hold
 */
export async function foldModel(source: ModelSource, options: FoldOptions = {}): Promise<FoldedModel> {
  checkOptions(options);
  const { bytes, beside } = await readSource('foldModel', source);
  const read = await inTurns(reading(bytes, { externalData: beside }));
  const { inputShapes } = options;
  const bound = inputShapes ? { ...read, inputs: bindInputs(read.inputs, inputShapes) } : read;
  // Shapes that do not fit together are an error of the caller's choice, where they were chosen.
  if (inputShapes) analyze(bound, { strict: true });
  const { graph, report } = await inTurns(simplifying(bound, { fold: native }));
  // Not loaded with the rest: descriptors of all messages take as long to get ready as the library without them.
  const [{ parseModel }, { writeModel }] = await Promise.all([import('./onnx/parse.js'), import('./onnx/write.js')]);
  const written = writeModel(graph, parseModel(bytes));
  return { bytes: written.bytes, nodesBefore: report.nodesBefore, nodesAfter: written.nodes, removed: report.removed };
}
