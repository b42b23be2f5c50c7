// `npm ci` in a clone ends here: the addon, then dist/. As a dependency the package brings both with it. `npm pack` and
// `npm publish` come here too, and want a bundle.
import path from 'node:path';
import { buildNative } from './build-native.mjs';
import { bin, root, run, which } from './tools.mjs';

const packing = ['pack', 'publish', 'stage'].includes(process.env.npm_command ?? '');
const dependency = root.split(path.sep).includes('node_modules');
const tsc = bin('typescript/bin/tsc');

if (dependency || !tsc) {
  console.log('lanewise: nothing to build (no development dependencies here)');
  process.exit(0);
}

if (!packing) {
  const failure = buildNative();
  if (failure) {
    console.error(
      [
        '',
        `lanewise: the native addon could not be built: ${failure}. The compiler's own messages are above.`,
        '',
        '  A C++17 compiler and CMake 3.19 (or, in place of CMake, Python 3 and make) are needed:',
        '    Debian, Ubuntu   apt-get install g++ cmake ninja-build',
        '    Fedora           dnf install gcc-c++ cmake ninja-build',
        '    macOS            xcode-select --install && brew install cmake ninja',
        '    Windows          Visual Studio build tools with "Desktop development with C++"',
        `  Found here: cmake ${which('cmake') ?? 'no'}, python3 ${which('python3') ?? 'no'}, c++ ${which('c++') ?? 'no'}`,
        '',
        '  Then: npm run compile',
      ].join('\n'),
    );
    process.exit(1);
  }
}
if (!run(process.execPath, [tsc, '-p', 'tsconfig.json'])) {
  console.error('lanewise: lib/ does not compile');
  process.exit(1);
}
if (packing) {
  const { bundleInPlace } = await import('./bundle.mjs'); // esbuild is not there where nothing is built
  await bundleInPlace();
}
