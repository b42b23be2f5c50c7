/** The options that benches share. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { cpuInfo, type Isa } from 'lanewise';

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {}

/** Files that are written besides what is printed. */
export interface OutputOptions {
  readonly markdown: string | undefined;
  readonly html: string | undefined;
}

export interface BenchOptions extends OutputOptions {
  readonly rounds: number;
  readonly isa: Isa;
  /** Names to measure, in the order of the bench. */
  readonly only: readonly string[];
  readonly json: string | undefined;
}

export interface CommonOptions extends BenchOptions {
  readonly threads: number;
}

export const outputHelp = `  --markdown FILE  also write the table there
  --html FILE      also write a page with charts there, one file that needs nothing else`;

/** @param threads the line of that option */
const helpOf = (threads: string): string => `  --only A,B       these alone
  --rounds N       default: 30
  ${threads}
  --isa NAME       of lanewise; default: the best of this machine
  --json FILE      also write every measurement there, for bench report
${outputHelp}`;

export const commonHelp = helpOf('--threads N      of each engine; default: 1');

export const threadsHelp = helpOf('--threads A,B    how many, each in turn; default: 1 to the processors available');

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

const outputs = { markdown: { type: 'string' }, html: { type: 'string' } } as const satisfies OptionsConfig;

const common = {
  only: { type: 'string' },
  rounds: { type: 'string', default: '30' },
  threads: { type: 'string' },
  isa: { type: 'string' },
  json: { type: 'string' },
  ...outputs,
} as const satisfies OptionsConfig;

/** Of a bench with `--threads N`, and with flags of its own. */
export function readOptions<Flag extends string = never>(
  args: readonly string[],
  names: readonly string[],
  flags: readonly Flag[] = [],
): CommonOptions & { readonly flags: ReadonlySet<Flag> } {
  const extra = Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }]));
  const { values } = parsed({ args: [...args], options: { ...common, ...extra } });
  const given = values as Readonly<Record<string, unknown>>;
  return {
    ...benchOptions(values, names),
    threads: integer('threads', values.threads ?? '1', 1, mostThreads),
    flags: new Set(flags.filter((flag) => given[flag] === true)),
  };
}

/** Of a bench with `--threads A,B`: upwards, and undefined where not given. */
export function readThreadsOptions(
  args: readonly string[],
  names: readonly string[],
): BenchOptions & { readonly threadCounts: readonly number[] | undefined } {
  const { values } = parsed({ args: [...args], options: common });
  const counts = values.threads?.split(',').map((count) => integer('threads', count, 1, mostThreads));
  return { ...benchOptions(values, names), threadCounts: counts && [...new Set(counts)].sort((a, b) => a - b) };
}

/** Of a command that reads files and writes others. */
export function readFileOptions(args: readonly string[]): OutputOptions & { readonly files: readonly string[] } {
  const { values, positionals } = parsed({ args: [...args], options: outputs, allowPositionals: true });
  return { ...outputFiles(values), files: positionals };
}

const mostThreads = 64;

function benchOptions(
  values: { readonly [Name in keyof typeof common]?: string | undefined },
  names: readonly string[],
): BenchOptions {
  const { active, detected } = cpuInfo();
  const isa = values.isa === undefined ? active : detected.find((name) => name === values.isa);
  if (!isa) throw new UsageError(`--isa: expected one of ${detected.join(', ')}, got '${values.isa}'`);
  const asked = values.only?.split(',').map((name) => name.trim());
  const stranger = asked?.find((name) => !names.includes(name));
  if (stranger !== undefined) throw new UsageError(`--only: no '${stranger}' here; there are: ${names.join(', ')}`);
  return {
    rounds: integer('rounds', values.rounds ?? '', 1, 10000),
    isa,
    only: names.filter((name) => !asked || asked.includes(name)),
    json: writable('json', values.json),
    ...outputFiles(values),
  };
}

type Outputs = { readonly [Name in keyof typeof outputs]?: string | undefined };

const outputFiles = ({ markdown, html }: Outputs): OutputOptions => ({
  markdown: writable('markdown', markdown),
  html: writable('html', html),
});

/** Nobody wants to hear after an hour of measuring that a folder is missing. */
function writable(name: string, file: string | undefined): string | undefined {
  if (file === undefined || statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory()) return file;
  throw new UsageError(`--${name}: no folder '${dirname(file)}'`);
}

function parsed<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new UsageError((cause as Error).message);
  }
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name}: expected an integer from ${least} to ${most}, got '${text}'`);
}
