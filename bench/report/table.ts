/** Tables for people: rows of numbers become cells of text once, and Markdown or HTML after that. */

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  cell(row: Row): string;
}

export interface Table {
  readonly columns: readonly { readonly title: string; readonly align: 'left' | 'right' }[];
  readonly rows: readonly (readonly string[])[];
}

export const tableOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Table => ({
  columns: columns.map(({ title, align = 'right' }) => ({ title, align })),
  rows: rows.map((row) => columns.map((column) => column.cell(row))),
});

/** Markdown that is also readable as it is. */
export function markdownTable({ columns, rows }: Table): string {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((line) => line[i]?.length ?? 0)));
  const pad = (text: string, i: number) =>
    columns[i]?.align === 'left' ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  const line = (texts: readonly string[]) => `| ${texts.map(pad).join(' | ')} |`;
  const rule = columns.map(({ align }, i) => {
    const dashes = '-'.repeat((widths[i] ?? 3) - 1);
    return align === 'left' ? `:${dashes}` : `${dashes}:`;
  });
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n');
}

export const percent = (fraction: number): string => `${(100 * fraction).toFixed(0)} %`;

/** Three significant digits. */
export const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);

export const times = (ratio: number): string => `${ratio.toFixed(2)}x`;

export const exponential = (error: number): string => (error === 0 ? '0' : error.toExponential(1));
