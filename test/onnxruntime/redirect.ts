/**
 * `node --import <this file>`: whoever imports or requires onnxruntime-node gets lanewise/onnxruntime, as with an override in
 * package.json. Says so on exit, so that a test knows who ran.
 */
import Module, { register } from 'node:module';

const target = import.meta.resolve('lanewise/onnxruntime');

const hooks = `
  export const resolve = (specifier, context, next) =>
    specifier === 'onnxruntime-node'
      ? { url: ${JSON.stringify(target)}, format: 'module', shortCircuit: true }
      : next(specifier, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

/** Hooks do not see `require` in Node.js 20. */
const loader = Module as unknown as { _resolveFilename(request: string, ...rest: readonly unknown[]): string };
const resolveFilename = loader._resolveFilename;
loader._resolveFilename = (request, ...rest) =>
  request === 'onnxruntime-node'
    ? resolveFilename('lanewise/onnxruntime', ...rest)
    : resolveFilename.call(loader, request, ...rest);

process.on('exit', () => {
  const loaded = process.report?.getReport() as unknown as { sharedObjects: readonly string[] };
  const addons = loaded.sharedObjects.filter((path) => path.endsWith('.node'));
  console.error(`addons: ${addons.map((path) => path.split(/[/\\]/).at(-1)).join(' ')}`);
});
