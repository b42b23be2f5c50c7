/** Where results go: a table to stdout, and files where asked for. */
import { writeFileSync } from 'node:fs';
import type { OutputOptions } from './options.js';
import { htmlPage } from './page/page.js';
import { markdownReport, type Section, sectionText } from './section.js';

/** Markdown and page; both hold all sections. */
export async function writeReports(sections: readonly Section[], { markdown, html }: OutputOptions): Promise<void> {
  if (markdown !== undefined) writeFileSync(markdown, markdownReport(sections));
  if (html !== undefined) writeFileSync(html, await htmlPage(sections));
}

/** What a bench does with its results. */
export async function deliver<Document extends object>(
  document: Document,
  view: (document: Document) => Section,
  options: OutputOptions & { readonly json: string | undefined },
): Promise<void> {
  // First: nobody wants to measure again because a page could not be written.
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`);
  const section = view(document);
  process.stdout.write(sectionText(section));
  await writeReports([section], options);
}
