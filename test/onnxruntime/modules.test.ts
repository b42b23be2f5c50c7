/** The module as programs load it: import, require, what compilers make of either, and the stand-in for an override. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { canSpawn, root, runFile } from '../runtime/child.js';

const spawning = canSpawn ? test : test.skip;

/** A project with lanewise installed and onnxruntime-node overridden, as docs/onnxruntime.md says. */
const project = mkdtempSync(join(tmpdir(), 'lanewise-override-'));
test.before(() => {
  cpSync(join(root, 'shims/onnxruntime-node'), join(project, 'vendor/onnxruntime-node'), { recursive: true });
  mkdirSync(join(project, 'node_modules/client'), { recursive: true });
  symlinkSync(root, join(project, 'node_modules/lanewise'), 'junction');
  symlinkSync(join(project, 'vendor/onnxruntime-node'), join(project, 'node_modules/onnxruntime-node'), 'junction');
});
test.after.always(() => rmSync(project, { recursive: true, force: true }));

/** The end of every form. */
const use = `
  const tensor = new Tensor('float32', [1, 2], [2]);
  console.log(typeof InferenceSession.create, tensor.dims.length);
`;

const forms: Readonly<Record<string, string>> = {
  'named.mjs': `import { InferenceSession, Tensor } from 'NAME'; ${use}`,
  'namespace.mjs': `import * as ort from 'NAME'; const { InferenceSession, Tensor } = ort; ${use}`,
  'default.mjs': `import ort from 'NAME'; const { InferenceSession, Tensor } = ort; ${use}`,
  'dynamic.mjs': `const { InferenceSession, Tensor } = await import('NAME'); ${use}`,
  'require.cjs': `const ort = require('NAME'); const { InferenceSession, Tensor } = ort; ${use}`,
  'compiled-namespace.cjs': `
    var __importStar = (mod) => (mod && mod.__esModule ? mod : { ...mod, default: mod });
    const ort = __importStar(require('NAME')); const { InferenceSession, Tensor } = ort; ${use}`,
  'compiled-default.cjs': `
    var __importDefault = (mod) => (mod && mod.__esModule ? mod : { default: mod });
    const ort_1 = __importDefault(require('NAME')); const { InferenceSession, Tensor } = ort_1.default; ${use}`,
};

for (const name of ['lanewise/onnxruntime', 'onnxruntime-node']) {
  spawning(name, async (t) => {
    // In a dependency, where warnings about modules are not the user's business.
    const folder = join(project, 'node_modules/client', name.replace('/', '-'));
    mkdirSync(folder, { recursive: true });
    for (const [file, program] of Object.entries(forms))
      writeFileSync(join(folder, file), program.replaceAll('NAME', name));
    const files = Object.keys(forms).map((file) => `import './${file}';`);
    writeFileSync(join(folder, 'all.mjs'), files.join('\n'));
    for (const entry of ['require.cjs', 'all.mjs']) {
      const { code, stdout, stderr } = await runFile(join(folder, entry), { NODE_NO_WARNINGS: undefined });
      t.is(stderr, '');
      t.is(stdout, 'function 1\n'.repeat(entry === 'all.mjs' ? files.length : 1));
      t.is(code, 0);
    }
  });
}
