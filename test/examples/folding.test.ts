/** The first example of docs/folding.md, as it stands there. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { zooModel } from '../../bench/zoo/index.js';

test('docs/folding.md', (t) => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  const [, example = ''] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'docs/folding.md'), 'utf8')) ?? [];
  // Inside the package, where it finds itself by name.
  const folder = mkdtempSync(join(root, 'build/folding-'));
  try {
    copyFileSync(zooModel('resnet-18', { size: 64, batch: 'N' }), join(folder, 'resnet-18.onnx'));
    writeFileSync(join(folder, 'example.mjs'), example);
    const output = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    const [, claim = 'no claim'] = /\/\/ (\d+ -> \d+ \{ '[a-z-]+': \d+)/.exec(example) ?? [];
    t.is(output.replace(/\s+/g, ' ').match(/^\d+ -> \d+/)?.[0], claim.match(/^\d+ -> \d+/)?.[0]);
    t.true(output.includes("'fold-scale-after': 20"), output);
    t.true(readFileSync(join(folder, 'resnet-18.folded.onnx')).length > 1e6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
