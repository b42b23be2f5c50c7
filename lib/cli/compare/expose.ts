/** Values on the way, made outputs of the model so that any engine gives them. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { bindInputs, type InputShapes } from '../../graph/compile.js';
import { fuse, simplify } from '../../graph/passes/index.js';
import { passContext, runPasses } from '../../graph/passes/pass.js';
import { native } from '../../native.js';
import { externalDataBeside } from '../../onnx/external-data.js';
import { readModel } from '../../onnx/read.js';
import { finish } from '../../work.js';
import { CommandError } from '../usage.js';

/**
 * Values of the model that are still there after all passes, in the order they are computed: to ask for any other would change what is
 * folded, and so what is compared.
 */
export function survivingValues(bytes: Uint8Array, path: string, shapes: InputShapes): string[] {
  const file = readModel(bytes, { externalData: externalDataBeside(path) });
  const named = new Set(file.nodes.flatMap(({ outputs }) => outputs));
  const outputs = new Set(file.outputs.map(({ name }) => name));
  const context = passContext(native, true);
  const bound = { ...file, inputs: bindInputs(file.inputs, shapes) };
  const simplified = finish(runPasses(bound, simplify, context)).graph;
  const { graph } = finish(runPasses(simplified, fuse, context));
  const { types } = context.analyze(graph);
  return graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => named.has(name) && !outputs.has(name) && types.get(name)?.type === 'float32');
}

/** The model with these values as outputs, after its own. */
export function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  if (model.graph?.initializer.some(({ externalData }) => externalData.length > 0))
    throw new CommandError(
      '--layers: models with weights in files beside them are not taken; lanewise fold makes one file of them',
    );
  for (const name of names) model.graph?.output.push(create(ValueInfoProtoSchema, { name }));
  return toBinary(ModelProtoSchema, model);
}
