/** The demo as a user meets it: a command that prints lines of text. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cwd, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import sharp from 'sharp';
import { cpuInfo } from '#lib/cpu.js';

// One at a time: each is a process that keeps every processor busy.

const program = fileURLToPath(import.meta.resolve('../../examples/ocr/main.js'));
const pictures = join(cwd(), 'examples', 'ocr');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function demo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(execPath, [program, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

const textLine = /^ *([\d.]+) % {2}(.+)$/gm;
const textOf = (stdout: string) => [...stdout.matchAll(textLine)].map(([, , text]) => text);
const confidences = (stdout: string) => [...stdout.matchAll(textLine)].map(([, percent]) => Number(percent));

const invoice = [
  'Northwind Tools Ltd. 14 March 2025',
  'Quarterly invoice 4711',
  'Customer: Harbour Bridge Repairs',
  'Gearbox housing, 2 pieces 1240.00',
  'Ball bearing 6204, 25 pieces 312.50',
  'Assembly and delivery 341.00',
  'Total: 1893.50 EUR',
  'Please pay within 30 days. Thank you!',
];
const twoLines = ['Quarterly invoice 4711', 'Total: 1893.50 EUR'];

/** A folder for the pictures of a test, gone when it is over. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lanewise-ocr-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.serial('without arguments it reads every line of the invoice and accounts for both networks', async (t) => {
  const { code, stdout, stderr } = await demo([]);
  t.is(stderr, '');
  t.is(code, 0);
  t.deepEqual(textOf(stdout), invoice);
  for (const percent of confidences(stdout)) t.true(percent > 90 && percent <= 100, `${percent} %`);
  const account =
    /^(\w+) +[\d.]+ ms {2}(\d+) runs?, (\d+) layers, [\d.]+ GMAC, (\d+) nodes folded, (\w+), (\d+) threads?; prepared in \d+ ms$/gm;
  const networks = [...stdout.matchAll(account)];
  t.deepEqual(
    networks.map(([, name]) => name),
    ['detection', 'recognition'],
  );
  t.is(networks[0]?.[2], '1');
  for (const [, , , layers, folded, isa] of networks) {
    t.true(Number(layers) > 20 && Number(folded) > 100, `${layers} layers, ${folded} nodes folded`);
    t.is(isa, cpuInfo().active);
  }
  t.false(stdout.includes('\u001b'), 'colours are for terminals');
});

for (const isa of cpuInfo().detected) {
  test.serial(`reads light letters on a dark ground with ${isa} on one thread`, async (t) => {
    const { code, stdout } = await demo(['--threads', '1', join(pictures, 'two-lines.png')], { LANEWISE_ISA: isa });
    t.is(code, 0);
    t.deepEqual(textOf(stdout), twoLines);
    t.regex(stdout, new RegExp(`, ${isa}, 1 thread;`));
  });
}

test.serial('--isa wins over the environment', async (t) => {
  const { code, stdout } = await demo(['--isa', 'scalar', join(pictures, 'two-lines.png')], { LANEWISE_THREADS: '2' });
  t.is(code, 0);
  t.deepEqual(textOf(stdout), twoLines);
  t.regex(stdout, /, scalar, 2 threads;/);
});

test.serial('reads a grey, blurred, much larger picture in another format', async (t) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'large.webp');
    const source = sharp(join(pictures, 'two-lines.png'));
    await source.resize({ width: 1900 }).blur(1.5).greyscale().webp({ quality: 80 }).toFile(file);
    const { code, stdout } = await demo([file]);
    t.is(code, 0);
    t.deepEqual(textOf(stdout), twoLines);
  });
});

test.serial('reads letters on a transparent ground as on paper', async (t) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'transparent.png');
    const { data, info } = await sharp(join(pictures, 'two-lines.png'))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const pixels = new Uint8Array(width * height * 4); // black, opaque where the letters are light
    for (let i = 0; i < width * height; i++)
      pixels[4 * i + 3] = Math.max(0, Math.min(255, 1.4 * ((data[channels * i] ?? 0) - 50)));
    await sharp(pixels, { raw: { width, height, channels: 4 } })
      .png()
      .toFile(file);
    const { code, stdout } = await demo([file]);
    t.is(code, 0);
    t.deepEqual(textOf(stdout), twoLines);
  });
});

test.serial('a picture without text, and one of a single pixel', async (t) => {
  await inFolder(async (folder) => {
    for (const [width, height] of [
      [400, 300],
      [1, 1],
    ] as const) {
      const file = join(folder, `${width}.png`);
      await sharp({ create: { width, height, channels: 3, background: '#ccddee' } })
        .png()
        .toFile(file);
      const { code, stdout } = await demo([file]);
      t.is(code, 0);
      t.regex(stdout, /^no text found$/m);
      t.regex(stdout, /^detection .* layers/m);
      t.regex(stdout, /^recognition +not needed$/m);
    }
  });
});

test.serial('a file that is missing or no picture is one line and exit code 1', async (t) => {
  await inFolder(async (folder) => {
    const words = join(folder, 'words.png');
    await writeFile(words, 'These are words, not pixels.');
    for (const file of [join(folder, 'missing.png'), words, folder]) {
      const { code, stdout, stderr } = await demo([file]);
      t.is(code, 1);
      t.is(stdout, '');
      t.is(stderr.split('\n').length, 2, stderr);
      t.true(stderr.startsWith(`demo: cannot read the picture '${file}': `), stderr);
    }
  });
});

test.serial('wrong usage is one line that says what was expected, and exit code 2', async (t) => {
  const wrong: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['--isa', 'mmx'], /--isa: expected one of scalar.*, got 'mmx'/],
    [['--threads', '0'], /--threads: expected an integer from 1 to 64, got '0'/],
    [['--threads', 'two'], /got 'two'/],
    [['--fast'], /--fast/],
    [['a.png', 'b.png'], /expected one picture, got 2: a.png, b.png/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await demo(args);
    t.is(code, 2, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message);
    t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  }
});

test.serial('--help', async (t) => {
  const { code, stdout, stderr } = await demo(['--help']);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout, /^Usage: npm run demo/);
});
