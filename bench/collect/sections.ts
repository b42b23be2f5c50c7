/** JSON documents of all benches, made readable. */
import { layersSection } from '../layers/section.js';
import { raceSection } from '../models/section.js';
import { UsageError } from '../report/options.js';
import type { Section } from '../report/section.js';
import { runtimeSection } from '../runtime/section.js';
import { scalingSection } from '../scaling/section.js';
import { startSection } from '../start/section.js';

/** By the kind of the document, in the order of the report. */
const views = {
  models: raceSection,
  cold: raceSection,
  mixed: raceSection,
  scaling: scalingSection,
  layers: layersSection,
  start: startSection,
  runtime: runtimeSection,
} as const;

type Kind = keyof typeof views;

const kinds = Object.keys(views) as Kind[];

interface BenchDocument {
  readonly kind: Kind;
}

const isDocument = (value: unknown): value is BenchDocument =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  kinds.some((kind) => kind === value.kind) &&
  'results' in value &&
  Array.isArray(value.results) &&
  value.results.length > 0 &&
  'machine' in value &&
  'versions' in value;

/**
 * @param file its name, for whoever gave another one
 * @throws UsageError when `text` is not what a bench wrote with --json
 */
function parseDocument(text: string, file: string): BenchDocument {
  const document = parseJson(text);
  if (isDocument(document)) return document;
  throw new UsageError(`${file}: expected what a bench wrote with --json (kind ${kinds.join(', ')})`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A section per document: networks first, then layers; documents of one kind as they were given. */
export function sectionsOf(documents: readonly { readonly file: string; readonly text: string }[]): Section[] {
  return documents
    .map(({ file, text }) => parseDocument(text, file))
    .sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
    .map((document) => (views[document.kind] as (document: BenchDocument) => Section)(document));
}
