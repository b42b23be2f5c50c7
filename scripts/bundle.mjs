// The JavaScript that is published: a file for each entry, and chunks of what they share. Two hundred modules take a program
// three times as long to import.
//
//   node scripts/bundle.mjs FOLDER   makes a package of dist/ and the built addon there, as an installed one is
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { root } from './tools.mjs';

const dist = path.join(root, 'dist');
const entries = ['index.js', 'onnxruntime/index.js', 'cli/main.js'];

/** A class that mentions itself comes out as `Name = class _Name`, and console.log would show that. */
function withOwnNames(code) {
  const classes = [...code.matchAll(/\b(\w+) ?= ?class _\1\b/g)].map(([, name]) => name);
  return classes.reduce((text, name) => text.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), code);
}

/** Bundles dist/ into `folder`. Dependencies of the package stay outside; the others go in (licenses/third-party.txt). */
async function bundle(folder) {
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const { outputFiles } = await build({
    entryPoints: entries.map((entry) => path.join(dist, entry)),
    outbase: dist,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Names stay, for stack traces. Not by keepNames, which sets the name of a function each time it is made: a profile of a
    // cold start had 5 ms of it.
    minifyWhitespace: true,
    minifySyntax: true,
    external: Object.keys(dependencies),
    logLevel: 'warning',
    write: false,
  });
  for (const file of outputFiles) {
    mkdirSync(path.dirname(file.path), { recursive: true });
    writeFileSync(file.path, withOwnNames(file.text));
  }
}

/** Puts the bundle in the place of the modules; the declarations stay. `tsc` makes the modules again. */
export async function bundleInPlace() {
  const folder = path.join(root, 'build/bundle');
  rmSync(folder, { recursive: true, force: true });
  await bundle(folder);
  for (const file of readdirSync(dist, { recursive: true }))
    if (/\.js(\.map)?$/.test(file)) rmSync(path.join(dist, file));
  cpSync(folder, dist, { recursive: true });
}

async function makePackage(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, 'build/Release'), { recursive: true });
  cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  cpSync(path.join(root, 'build/Release/lanewise.node'), path.join(folder, 'build/Release/lanewise.node'));
  await bundle(path.join(folder, 'dist'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: node scripts/bundle.mjs FOLDER');
    process.exit(2);
  }
  await makePackage(path.resolve(folder));
}
