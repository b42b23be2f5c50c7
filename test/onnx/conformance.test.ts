/** Every case of the ONNX project in our scope passes, or is listed with the reason in conformance-exceptions.json. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { conformanceFolder, failureOf, howToGetTheData, listCases } from './conformance-cases.js';

const exceptionsFile = new URL('../../../../test/onnx/conformance-exceptions.json', import.meta.url);
const exceptions = JSON.parse(readFileSync(exceptionsFile, 'utf8')) as Record<string, string>;

test('the conformance cases of the ONNX project', async (t) => {
  const folder = conformanceFolder();
  if (!folder) {
    t.log(howToGetTheData);
    t.pass();
    return;
  }
  const cases = listCases(folder);
  const unexpected: string[] = [];
  let passed = 0;
  for (const name of cases) {
    const failure = await failureOf(folder, name);
    if (failure === undefined) passed++;
    if (failure !== undefined && !Object.hasOwn(exceptions, name)) unexpected.push(`${name}: ${failure}`);
    if (failure === undefined && Object.hasOwn(exceptions, name))
      unexpected.push(`${name}: passes, but is listed as an exception ('${exceptions[name]}')`);
  }
  for (const name of Object.keys(exceptions))
    if (!cases.includes(name)) unexpected.push(`${name}: listed as an exception, but there is no such case`);
  t.log(`${passed} of ${cases.length} cases pass, ${Object.keys(exceptions).length} are listed with their reason`);
  t.deepEqual(unexpected, []);
});
