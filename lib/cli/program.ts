/** From the words typed to a command, its outcome, and an exit code. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CommandDefinition, Outcome, Parse } from './command.js';
import { commands } from './commands.js';
import { jsonOption } from './options.js';
import { Screen } from './terminal/screen.js';
import { CommandError, UsageError } from './usage.js';

const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** commander puts the option's name in front of an InvalidArgumentError's message. */
const guarded =
  (parse: Parse): Parse =>
  (text, before) => {
    try {
      return parse(text, before);
    } catch (error) {
      throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error;
    }
  };

/** JSON has neither integers of 64 bits nor infinities: texts stand for them. */
const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
};

async function show({ document, print, failure }: Outcome, json: boolean): Promise<number> {
  if (json) {
    process.stdout.write(`${JSON.stringify(document, plain, 2)}\n`);
  } else {
    const screen = await Screen.of(process.stdout);
    print(screen);
    process.stdout.write(screen.toString());
  }
  if (failure !== undefined) process.stderr.write(`lanewise: ${failure}\n`);
  return failure === undefined ? exitCodes.done : exitCodes.failed;
}

function describeCommand(definition: CommandDefinition, onDone: (code: number) => void, program: Command): void {
  const { name, summary, args, options, notes, examples, load } = definition;
  const command = program
    .command(name)
    .summary(summary)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
  for (const { form, help } of args) command.addArgument(new Argument(form, help));
  for (const { flags, help, parse, choices, fallback, preset } of [...options, jsonOption]) {
    const option = new Option(flags, help);
    if (choices) option.choices([...choices]);
    if (parse) option.argParser(guarded(parse));
    if (fallback !== undefined) option.default(fallback);
    if (preset !== undefined) option.preset(preset);
    command.addOption(option);
  }
  const more = [notes, `Examples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`];
  command.addHelpText('after', `\n${more.filter((text) => text !== undefined).join('\n\n')}`);
  command.action(async (...values: unknown[]) => {
    const { run } = await load();
    const typed = command.opts();
    onDone(await show(await run(values.slice(0, args.length), typed), typed['json'] === true));
  });
}

/** One line, whatever the message was. */
const oneLine = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(/ argument '.*' is invalid\. (?=expected)/s, ': ')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.?\s*\(Did you mean (.*?)\?\)$/, " (did you mean '$1'?)");

function complain(message: string, name: string | undefined): number {
  const command = name === undefined ? 'lanewise' : `lanewise ${name}`;
  process.stderr.write(`${command}: ${oneLine(message)}; see ${command} --help\n`);
  return exitCodes.usage;
}

const isFileError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

/** Errors of the library and of the file system are for whoever typed the command; anything else is ours to repair. */
function explain(error: unknown): string {
  const known = error instanceof CommandError || isFileError(error) || (error instanceof Error && 'code' in error);
  if (known || error instanceof RangeError || error instanceof TypeError) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** @returns the exit code */
export async function runProgram(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.done;
  const program = new Command('lanewise');
  program
    .description('Convolutional networks (ONNX) on the CPU: look into them, run them, time them, fold them.')
    .version(version())
    .helpCommand(false)
    .configureHelp({ helpWidth: Math.min(process.stdout.columns || 100, 120) })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  for (const definition of commands) describeCommand(definition, (result) => (code = result), program);
  program.addHelpText(
    'after',
    '\nlanewise COMMAND --help lists its options. Exit code: 0 done, 1 failed, 2 wrong usage.',
  );
  const name = commands.find((command) => command.name === args[0])?.name;
  try {
    if (args.length === 0)
      return complain(`expected a command: ${commands.map((command) => command.name).join(', ')}`, undefined);
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? code : complain(error.message, name);
    if (error instanceof UsageError) return complain(error.message, name);
    process.stderr.write(`lanewise: ${explain(error)}\n`);
    return exitCodes.failed;
  }
}
