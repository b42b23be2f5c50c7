/** What a bench found, for people: the same in Markdown and on a page. */
import { markdownTable, type Table } from './table.js';

/** Options of ECharts, in JSON: no functions. */
export type ChartOption = Readonly<Record<string, unknown>>;

export interface Figure {
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  /** Pixels. */
  readonly height: number;
  readonly option: ChartOption;
}

export interface Section {
  readonly title: string;
  /** Engines, machine, versions, date. */
  readonly origin: string;
  readonly table: Table;
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
}

/** Without the title. */
export const sectionText = ({ origin, table, notes }: Section): string =>
  `${origin}\n\n${markdownTable(table)}\n${notes.map((note) => `\n${note}\n`).join('')}`;

export const markdownReport = (sections: readonly Section[]): string =>
  `# Measured figures\n${sections.map((section) => `\n## ${section.title}\n\n${sectionText(section)}`).join('')}`;
