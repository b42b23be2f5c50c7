/** `npm run demo -- [FILE]`: reads the text in a picture and says what it cost. */
import { join } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { cpuInfo, type LoadOptions } from 'lanewise';
import type { NetworkAccount } from './network.js';
import { openTextReader } from './reader.js';

const help = `Usage: npm run demo -- [options] [FILE]

Reads the text in a picture (PNG, JPEG, WebP, AVIF, TIFF, GIF, SVG) with the PP-OCRv4 networks.
Without FILE: examples/ocr/invoice.png.

Options:
  --isa NAME     instruction set, one that this machine has (default: the best)
  --threads N    default: the processors available
  --help

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const options = {
  isa: { type: 'string' },
  threads: { type: 'string' },
  help: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

/** Said in one line, exit code 2. */
class UsageError extends Error {}

interface Request {
  readonly file: string;
  readonly load: LoadOptions;
}

function readArguments(): Request | 'help' {
  const { values, positionals } = parseArguments();
  if (values.help) return 'help';
  if (positionals.length > 1)
    throw new UsageError(`expected one picture, got ${positionals.length}: ${positionals.join(', ')}`);
  const { detected } = cpuInfo();
  const isa = detected.find((name) => name === values.isa);
  if (values.isa !== undefined && !isa)
    throw new UsageError(`--isa: expected one of ${detected.join(', ')}, got '${values.isa}'`);
  const threads = Number(values.threads);
  if (values.threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new UsageError(`--threads: expected an integer from 1 to 64, got '${values.threads}'`);
  }
  const file = positionals[0] ?? join('examples', 'ocr', 'invoice.png');
  return { file, load: { ...(isa && { isa }), ...(values.threads !== undefined && { threads }) } };
}

function parseArguments() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Colours are for eyes: none in a file or a pipe, or where NO_COLOR asks for none. */
const colours = process.stdout.isTTY && !process.env['NO_COLOR'];
const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const dim = (text: string) => paint(2, text);

/** Shown on a terminal until there is something to read. */
const progress = (text: string) => process.stderr.isTTY && process.stderr.write(`\r\u001b[K${text}`);

function confidenceText(confidence: number): string {
  const text = `${(100 * confidence).toFixed(1).padStart(5)} %`;
  return paint(confidence >= 0.9 ? 32 : 33, text);
}

function accountText(name: string, account: NetworkAccount | undefined): string {
  if (!account) return `${name.padEnd(12)} ${dim('not needed')}`;
  const { runs, runMs, prepareMs, layers, macs, foldedNodes, isa, threads } = account;
  const facts = [
    runs === 1 ? '1 run' : `${runs} runs`,
    `${layers} layers`,
    `${(macs / 1e9).toFixed(2)} GMAC`,
    `${foldedNodes} nodes folded`,
    isa,
    threads === 1 ? '1 thread' : `${threads} threads`,
  ];
  const time = `${runMs.toFixed(1)} ms`.padStart(10);
  return `${name.padEnd(12)}${time}  ${dim(`${facts.join(', ')}; prepared in ${prepareMs.toFixed(0)} ms`)}`;
}

async function main(): Promise<void> {
  const request = readArguments();
  if (request === 'help') {
    process.stdout.write(help);
    return;
  }
  progress('loading the networks ...');
  const reader = await openTextReader(request.load);
  progress(`reading ${request.file} ...`);
  const lines = await reader.read(request.file);
  progress('');
  console.log(dim(request.file));
  console.log();
  for (const { text, confidence } of lines) console.log(`${confidenceText(confidence)}  ${text}`);
  if (lines.length === 0) console.log('no text found');
  console.log();
  for (const [name, network] of Object.entries(reader.networks)) console.log(accountText(name, network.account()));
}

try {
  await main();
} catch (cause) {
  progress('');
  const usage = cause instanceof UsageError;
  const message = cause instanceof Error ? cause.message : String(cause);
  console.error(`demo: ${message}${usage ? ' (--help shows the usage)' : ''}`);
  process.exitCode = usage ? 2 : 1;
}
