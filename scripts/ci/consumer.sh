#!/usr/bin/env bash
# The packed package as its users meet it: installed into an empty folder without network and without scripts, imported, required,
# bundled, type-checked, called from the shell. Needs prebuilds/.
. "$(dirname "$0")/common.sh"

# Own files and all dependencies, as installed for one platform.
limit=7000000

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --pack-destination "$folder" --silent
# The dependencies as tarballs too, so that nothing is left to fetch.
npm ls --omit=dev --all --parseable | tail -n +2 | sort -u | while read -r dependency; do
  npm pack "$dependency" --pack-destination "$folder" --ignore-scripts --silent >/dev/null
done
cd "$folder"
echo '{ "private": true }' >package.json

say "install: no network, no scripts"
npm install --offline --ignore-scripts --no-audit --no-fund --silent ./*.tgz

bytes() { du -sb "$@" | awk '{ sum += $1 } END { print sum }'; }
total=$(bytes node_modules)
echo "installed: lanewise $(bytes node_modules/lanewise) bytes, with dependencies $total, limit $limit"
du -sb node_modules/* node_modules/@*/* | sort -rn | head -6
[ "$total" -lt "$limit" ] || { echo "too large"; exit 1; }

say "import, require"
cp "$root/scripts/ci/smoke.mjs" .
node smoke.mjs
node -e "require('lanewise').cpuInfo(); require('lanewise/onnxruntime').InferenceSession.create.call"

say "the command"
node_modules/.bin/lanewise --version
node_modules/.bin/lanewise cpu --json >/dev/null

say "esbuild: lanewise stays outside of the bundle"
for format in esm cjs; do
  [ $format = esm ] && out=bundle.mjs || out=bundle.cjs
  "$root/node_modules/.bin/esbuild" smoke.mjs --bundle --platform=node --format=$format --external:lanewise \
    --outfile=$out --log-level=warning
  node $out
done

say "declarations: nodenext, ES modules and CommonJS"
cat >user.mts <<'TS'
import { type FoldedModel, foldModel, fromPixels, loadModel, type Model, type Tensor, tensor } from 'lanewise';
import { InferenceSession } from 'lanewise/onnxruntime';
export async function all(bytes: Uint8Array): Promise<[FoldedModel, Model, Tensor, InferenceSession]> {
  const picture = fromPixels(bytes, { width: 1, height: 1, mean: [0, 0, 0] });
  // @ts-expect-error A misspelt option.
  fromPixels(bytes, { width: 1, hight: 1 });
  // @ts-expect-error Not a source.
  await loadModel(1);
  tensor(new Float32Array(1), [1]);
  return [await foldModel(bytes), await loadModel(bytes), picture, await InferenceSession.create(bytes)];
}
TS
cat >user.cts <<'TS'
import lanewise = require('lanewise');
export const shape: readonly number[] = lanewise.tensor(new Float32Array(1), [1]).shape;
TS
node "$root/node_modules/typescript/bin/tsc" --noEmit --strict --module nodenext --target es2022 \
  --lib es2023,esnext.disposable --types node --typeRoots "$root/node_modules/@types" user.mts user.cts

say "publint"
node "$root/node_modules/publint/src/cli.js" run "$folder/node_modules/lanewise" --strict
echo "consumer: 7 passed, 0 failed"
