/** The options that every bench has. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { cpuInfo, type Isa } from 'lanewise';

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {}

export interface CommonOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly isa: Isa;
  /** Names to measure, in the order of the bench. */
  readonly only: readonly string[];
  readonly json: string | undefined;
}

export const commonHelp = `  --only A,B     these alone
  --rounds N     default: 30
  --threads N    of each engine; default: 1
  --isa NAME     of lanewise; default: the best of this machine
  --json FILE    also write every measurement there`;

const options = {
  only: { type: 'string' },
  rounds: { type: 'string', default: '30' },
  threads: { type: 'string', default: '1' },
  isa: { type: 'string' },
  json: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

export function readOptions(args: readonly string[], names: readonly string[]): CommonOptions {
  const values = parse(args);
  const { active, detected } = cpuInfo();
  const isa = values.isa === undefined ? active : detected.find((name) => name === values.isa);
  if (!isa) throw new UsageError(`--isa: expected one of ${detected.join(', ')}, got '${values.isa}'`);
  const asked = values.only?.split(',').map((name) => name.trim());
  const stranger = asked?.find((name) => !names.includes(name));
  if (stranger !== undefined) throw new UsageError(`--only: no '${stranger}' here; there are: ${names.join(', ')}`);
  return {
    rounds: integer('rounds', values.rounds, 1, 10000),
    threads: integer('threads', values.threads, 1, 64),
    isa,
    only: names.filter((name) => !asked || asked.includes(name)),
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new UsageError((cause as Error).message);
  }
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name}: expected an integer from ${least} to ${most}, got '${text}'`);
}
