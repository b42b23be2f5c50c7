/** Tables for people, JSON for programs, progress for the impatient. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  cell(row: Row): string;
}

/** Markdown that is also readable as it is. */
export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const pad = (text: string, i: number) =>
    columns[i]?.align === 'left' ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  const line = (texts: readonly string[]) => `| ${texts.map(pad).join(' | ')} |`;
  const rule = columns.map(({ align }, i) => {
    const dashes = '-'.repeat((widths[i] ?? 3) - 1);
    return align === 'left' ? `:${dashes}` : `${dashes}:`;
  });
  return [line(columns.map(({ title }) => title)), line(rule), ...cells.map(line)].join('\n');
}

/** One line on a terminal, rewritten; nothing elsewhere. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
}

/** What the numbers depend on besides the program. */
export function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    load: loadavg()[0] ?? 0,
  };
}

/** Measurements beside other work are worth little, and whoever reads them should know. */
export function machineText({ cpu, processors, platform, node, load }: ReturnType<typeof machine>): string {
  const busy = load > 0.5 ? ` Load average ${load.toFixed(1)} at the start: other programs were running.` : '';
  return `${cpu}, ${processors} processors, ${platform}, Node.js ${node}.${busy}`;
}

export function writeJson(file: string | undefined, content: object): void {
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}

export const percent = (fraction: number): string => `${(100 * fraction).toFixed(0)} %`;

/** Three significant digits. */
export const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);
