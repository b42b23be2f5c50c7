/** LANEWISE_ISA, LANEWISE_THREADS and LANEWISE_SELF_CHECK: honoured, or an error that lists the choices. */
import test from 'ava';
import { type CpuInfo, cpuInfo, type Isa } from '#lib/index.js';
import { canSpawn, runProgram } from './child.js';

const spawning = canSpawn ? test : test.skip;

/** Prints what a process with this environment says of itself, and the bits of a convolution whose sums have to round. */
const report = `
  import { cpuInfo, loadModel, conv2d, tensor } from 'lanewise';
  import { fixedBytes, image } from './build/ts/test/models/small-models.js';
  const model = await loadModel(fixedBytes);
  const profile = await model.profile({ x: image(1, 2) });
  const { y } = model.runSync({ x: image(1, 2) });
  console.log(JSON.stringify({
    info: cpuInfo(),
    report: model.report(),
    kernels: profile.steps.map(({ kernel }) => kernel),
    bits: Buffer.from(y.data.buffer).toString('hex'),
  }));
`;

interface Report {
  readonly info: CpuInfo;
  readonly report: { readonly isa: Isa; readonly threads: number };
  readonly kernels: readonly string[];
  readonly bits: string;
}

async function reportWith(environment: Record<string, string>): Promise<Report> {
  const ending = await runProgram(report, environment);
  if (ending.code !== 0) throw new Error(`exit ${ending.code} ${ending.signal}: ${ending.stderr}`);
  return JSON.parse(ending.stdout) as Report;
}

spawning('every detected instruction set can be forced, and is what runs', async (t) => {
  const { detected } = cpuInfo();
  const reports = new Map<Isa, Report>();
  for (const isa of detected) {
    const got = await reportWith({ LANEWISE_ISA: isa, LANEWISE_THREADS: '1' });
    reports.set(isa, got);
    t.is(got.info.active, isa);
    t.deepEqual(got.info.detected, detected);
    t.is(got.info.lanes, isa === 'avx512' || isa === 'amx' ? 16 : 8);
    t.is(got.report.isa, isa);
  }
  const bits = (isa: Isa) => reports.get(isa)?.bits;
  const fused = detected.filter((isa) => isa !== 'scalar');
  // Fused sums round once per element: other bits than the portable kernels give, and the same on all that fuse.
  for (const isa of fused) {
    t.not(bits(isa), bits('scalar'), `${isa} gave what portable code gives`);
    t.is(bits(isa), bits(fused[0]!));
  }
  // The tiles are as large as the registers of the set allow. This network has too few channels for a matrix unit.
  const tiled = detected.filter((isa) => isa !== 'amx');
  const kernels = new Set(tiled.map((isa) => reports.get(isa)!.kernels.join()));
  t.is(kernels.size, tiled.length, [...kernels].join(' | '));
});

spawning('without the variable the widest one is active, but for AMX, which has to be asked for', async (t) => {
  const { info, report: made } = await reportWith({});
  t.is(info.active, info.detected.filter((isa) => isa !== 'amx').at(-1)!);
  t.is(made.isa, info.active);
});

/** How a program ends whose first use of the library fails. */
const attempt = (code: string) => `
  try {
    const lanewise = await import('lanewise');
    ${code}
    console.log('nothing happened');
  } catch ({ name, code, message }) {
    console.log(JSON.stringify({ name, code, message }));
  }
`;

const uses: Readonly<Record<string, string>> = {
  cpuInfo: 'lanewise.cpuInfo();',
  'an operator': 'lanewise.relu(lanewise.tensor([1], [1]));',
  loadModel:
    "const { fixedBytes } = await import('./build/ts/test/models/small-models.js'); await lanewise.loadModel(fixedBytes);",
};

for (const [use, code] of Object.entries(uses)) {
  spawning(`an instruction set that is not there: ${use}`, async (t) => {
    const missing = (['avx2', 'avx512', 'amx', 'neon'] as const).find((isa) => !cpuInfo().detected.includes(isa))!;
    for (const isa of ['bogus', 'AVX2', missing]) {
      const { stdout, stderr, signal } = await runProgram(attempt(code), { LANEWISE_ISA: isa });
      t.is(signal, null);
      t.is(stderr, '');
      const error = JSON.parse(stdout) as { name: string; code: string; message: string };
      t.is(error.name, 'LanewiseError', stdout);
      t.is(error.code, 'ERR_ISA_UNAVAILABLE');
      t.true(
        error.message.includes(`'${isa}'`) && error.message.includes(cpuInfo().detected.join(', ')),
        error.message,
      );
      t.regex(error.message, /LANEWISE_ISA/);
    }
  });
}

spawning('numbers of threads', async (t) => {
  for (const threads of [1, 2, 64]) {
    const { info, report: made } = await reportWith({ LANEWISE_THREADS: `${threads}` });
    t.is(info.threads, threads);
    t.is(made.threads, threads);
  }
});

spawning('numbers of threads that are none', async (t) => {
  for (const threads of ['bogus', '0', '65', '-1', '2x', '1.5', ' ']) {
    const { stdout, signal } = await runProgram(attempt('lanewise.cpuInfo();'), { LANEWISE_THREADS: threads });
    t.is(signal, null);
    const error = JSON.parse(stdout) as { name: string; message: string };
    t.is(error.name, 'RangeError', stdout);
    t.true(error.message.includes(`LANEWISE_THREADS: expected a number from 1 to 64, got '${threads}'`), error.message);
  }
});

spawning('self-checks that fail as wanted, or not at all', async (t) => {
  for (const value of ['bogus', 'ERROR', '1', '']) {
    const { stdout, signal } = await runProgram(attempt('lanewise.cpuInfo();'), { LANEWISE_SELF_CHECK: value });
    t.is(signal, null);
    const error = JSON.parse(stdout) as { name: string; message: string };
    t.is(error.name, 'RangeError', stdout);
    t.true(error.message.includes(`LANEWISE_SELF_CHECK: expected 'error', got '${value}'`), error.message);
  }
  const { bits } = await reportWith({});
  t.is((await reportWith({ LANEWISE_SELF_CHECK: 'error' })).bits, bits);
});

test('cpuInfo: consistent with itself', (t) => {
  const info = cpuInfo();
  t.is(info.detected[0], 'scalar');
  t.true(info.detected.every((isa) => info.built.includes(isa)));
  t.true(info.detected.includes(info.active));
  t.true(info.threads >= 1 && info.threads <= 64);
  for (const size of Object.values(info.caches)) t.true(Number.isInteger(size) && size >= 0);
});
