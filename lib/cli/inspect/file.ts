/** A model file: its graph, and what the file says about itself. */
import { readFile } from 'node:fs/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import type { Graph } from '../../graph/ir.js';
import { externalDataBeside } from '../../onnx/external-data.js';
import { readModel } from '../../onnx/read.js';

export interface ModelFile {
  readonly path: string;
  readonly graph: Graph;
  readonly irVersion: number;
  /** `opset 17`, `com.microsoft 1` */
  readonly opsets: readonly string[];
  /** '' when the file does not say. */
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export async function readModelFile(path: string): Promise<ModelFile> {
  const bytes = await readFile(path);
  const graph = readModel(bytes, { externalData: externalDataBeside(path) });
  const { irVersion, opsetImport, producerName, producerVersion, metadataProps } = fromBinary(ModelProtoSchema, bytes);
  return {
    path,
    graph,
    irVersion: Number(irVersion),
    opsets: opsetImport.map(({ domain, version }) => `${domain === '' ? 'opset' : domain} ${version}`),
    producer: [producerName, producerVersion].filter((text) => text !== '').join(' '),
    metadata: Object.fromEntries(metadataProps.map(({ key, value }) => [key, value])),
  };
}
