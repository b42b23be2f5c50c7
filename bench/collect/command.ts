/** `bench report`: one page and one Markdown file of what several benches found. */
import { readFileSync } from 'node:fs';
import type { BenchCommand } from '../report/command.js';
import { writeReports } from '../report/deliver.js';
import { outputHelp, readFileOptions, UsageError } from '../report/options.js';
import { sectionsOf } from './sections.js';

const help = `Usage: npm run bench -- report FILE... [options]

Makes one report of the JSON files that benches wrote, at least one of:

Options:
${outputHelp}
  --help
`;

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError((cause as Error).message);
  }
}

export const command: BenchCommand = {
  help,
  async run(args) {
    const { files, ...outputs } = readFileOptions(args);
    if (files.length === 0) throw new UsageError('expected the JSON files of benches');
    if (outputs.html === undefined && outputs.markdown === undefined)
      throw new UsageError('expected --markdown FILE or --html FILE');
    await writeReports(sectionsOf(files.map((file) => ({ file, text: read(file) }))), outputs);
  },
};
