/** What a command is: how it is typed (read for every `--help`), and what it does (loaded when it is asked for). */
import type { Screen } from './terminal/screen.js';

export interface Outcome {
  /** What `--json` prints; plain data. */
  readonly document: object;
  /** The same for people. */
  print(screen: Screen): void;
  /** Set where the command did its work and the answer is no: printed on stderr, exit code 1. */
  readonly failure?: string;
}

/** Text of an option to its value. @throws UsageError */
export type Parse = (text: string, before: unknown) => unknown;

export interface CommandOption {
  /** In commander's form: `-o, --output <file>` */
  readonly flags: string;
  readonly help: string;
  readonly parse?: Parse;
  readonly choices?: readonly string[];
  /** The value without the option. */
  readonly fallback?: unknown;
  /** What is typed by leaving out an optional value. */
  readonly preset?: string;
}

export interface CommandArgument {
  /** `<model>`, `[inputs...]` */
  readonly form: string;
  readonly help: string;
}

export type Run = (args: readonly unknown[], options: Record<string, unknown>) => Promise<Outcome>;

export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  readonly args: readonly CommandArgument[];
  readonly options: readonly CommandOption[];
  /** Text below the options, already broken into lines. */
  readonly notes?: string;
  readonly examples: readonly string[];
  load(): Promise<{ readonly run: Run }>;
}
