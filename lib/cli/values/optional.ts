/** Packages that are used where the user has them. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The module as found from this package, else from the current folder (for a command installed globally); undefined when neither has it. */
export async function optional<Module>(name: string): Promise<Module | undefined> {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]) {
    let path: string;
    try {
      path = createRequire(from).resolve(name);
    } catch {
      continue;
    }
    const loaded = (await import(pathToFileURL(path).href)) as { readonly default?: Module } & Module;
    return loaded.default ?? loaded;
  }
  return undefined;
}

/** The version of a package that {@link optional} found. */
export function versionOf(name: string): string {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]) {
    try {
      return (createRequire(from)(`${name}/package.json`) as { readonly version: string }).version;
    } catch {}
  }
  return 'of unknown version';
}
