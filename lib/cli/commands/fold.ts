/** `lanewise fold`: what loading does to a graph, as a file. */
import { stat } from 'node:fs/promises';
import { foldModel } from '../../fold-model.js';
import type { Outcome } from '../command.js';
import { readModelFile } from '../inspect/file.js';
import type { ShapeOption } from '../options.js';
import { bytes, plural } from '../terminal/format.js';
import { CommandError, UsageError } from '../usage.js';
import { knownShapes } from '../values/shapes.js';
import { writeWhole } from '../values/write.js';

interface FoldOptions {
  readonly output?: string;
  readonly force?: boolean;
  readonly shape?: readonly ShapeOption[];
}

const statOf = (file: string) => stat(file).catch(() => undefined);

/** Links count as what they lead to. */
async function checkOutput(input: string, output: string, force: boolean): Promise<void> {
  const [from, to] = [await statOf(input), await statOf(output)];
  if (from && to && from.dev === to.dev && from.ino === to.ino)
    throw new UsageError(`--output ${output} is the model itself: give another name`);
  if (to?.isDirectory()) throw new UsageError(`--output ${output} is a folder: give a file`);
  if (to && !force) throw new CommandError(`${output} exists already; --force replaces it`);
}

export async function run([path]: readonly unknown[], { output, force = false, shape }: FoldOptions): Promise<Outcome> {
  const file = path as string;
  if (output === undefined) throw new UsageError('expected -o FILE to write to');
  await checkOutput(file, output, force);
  const shapes = shape && knownShapes((await readModelFile(file)).graph.inputs, shape);
  const folded = await foldModel(file, shapes ? { inputShapes: shapes } : {});
  await writeWhole(output, folded.bytes);
  const fileBytes = { before: (await stat(file)).size, after: folded.bytes.byteLength };
  const { nodesBefore, nodesAfter, removed } = folded;
  return {
    document: { file, output, nodesBefore, nodesAfter, removed, fileBytes, inputs: shapes ?? null },
    print(screen) {
      screen.table<readonly [string, number]>(
        [
          { title: 'pass', cell: ([pass]) => pass },
          { title: 'nodes', align: 'right', cell: ([, n]) => String(-n) },
        ],
        Object.entries(removed),
      );
      screen.line(
        `  ${plural(nodesBefore, 'node')} became ${nodesAfter}, ${bytes(fileBytes.before)} became ${bytes(fileBytes.after)}.`,
      );
      screen.line(`  written to ${output}`);
      screen.note(`  lanewise compare ${file} ${output} shows how far the two are apart`);
    },
  };
}
