/**
 * Where a command prints for people: tables with rules and colours on a terminal; aligned text, complete and without either, everywhere
 * else.
 */
import type CliTable from 'cli-table3';
import picocolors from 'picocolors';
import { printable } from './format.js';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** How the column gives way where the table is wider than the terminal: cut in front, where names are alike, or wrapped. */
  readonly elastic?: 'cut' | 'wrap';
  cell(row: Row): string;
}

type Colors = ReturnType<typeof picocolors.createColors>;
type TableClass = typeof CliTable;

const leastElastic = 12;

const elide = (text: string, width: number): string =>
  text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;

export class Screen {
  readonly colors: Colors;
  readonly #table: TableClass | undefined;
  readonly #columns: number;
  readonly #lines: string[] = [];

  private constructor(table: TableClass | undefined, colors: boolean, columns: number) {
    this.#table = table;
    this.#columns = columns;
    this.colors = picocolors.createColors(colors);
  }

  static async of(stream: NodeJS.WriteStream): Promise<Screen> {
    if (!stream.isTTY) return new Screen(undefined, false, 0);
    const colors = !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
    // CommonJS: the class is the default export at run time and in the declarations' words.
    const { default: table } = (await import('cli-table3')) as unknown as { default: TableClass };
    return new Screen(table, colors, stream.columns || 80);
  }

  line(text = ''): void {
    this.#lines.push(text);
  }

  heading(text: string): void {
    if (this.#lines.length > 0) this.line();
    this.line(this.colors.bold(text));
  }

  note(text: string): void {
    this.line(this.colors.dim(text));
  }

  /** Names and values in two columns. */
  facts(facts: readonly (readonly [name: string, value: string])[]): void {
    const width = Math.max(...facts.map(([name]) => name.length));
    for (const [name, value] of facts) this.line(`  ${this.colors.dim(name.padEnd(width))}  ${printable(value)}`);
  }

  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
    const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
    const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)));
    if (this.#table) this.#terminalTable(this.#table, columns, cells, widths);
    else this.#plainTable(columns, cells, widths);
  }

  /** Everything printed, ending in a line break. */
  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }

  #plainTable<Row>(columns: readonly Column<Row>[], cells: readonly string[][], widths: readonly number[]): void {
    const line = (texts: readonly string[]) =>
      texts
        .map((text, i) => (columns[i]!.align === 'right' ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd();
    for (const texts of [columns.map(({ title }) => title), ...cells]) this.line(`  ${line(texts)}`);
  }

  #terminalTable<Row>(
    Table: TableClass,
    columns: readonly Column<Row>[],
    cells: readonly string[][],
    widths: readonly number[],
  ): void {
    const rooms = this.#rooms(columns, widths);
    const table = new Table({
      head: columns.map(({ title }) => this.colors.bold(title)),
      colAligns: columns.map(({ align }) => align ?? 'left'),
      colWidths: rooms.map((room, i) => (columns[i]!.elastic === 'wrap' ? room + 2 : null)),
      wordWrap: true,
      style: { head: [], border: [], compact: true },
    });
    for (const texts of cells)
      table.push(texts.map((text, i) => (columns[i]!.elastic === 'cut' ? elide(text, rooms[i]!) : text)));
    this.line(table.toString());
  }

  /** Widths that fit into the terminal, as far as elastic columns allow: the widest of them gives way first. */
  #rooms<Row>(columns: readonly Column<Row>[], widths: readonly number[]): number[] {
    const rooms = [...widths];
    const frame = 3 * columns.length + 1;
    let excess = rooms.reduce((sum, width) => sum + width, frame) - this.#columns;
    for (; excess > 0; excess--) {
      const elastic = rooms.map((room, i) => (columns[i]!.elastic ? room : 0));
      const widest = elastic.indexOf(Math.max(...elastic));
      if (elastic[widest]! <= leastElastic) break;
      rooms[widest]!--;
    }
    return rooms;
  }
}
