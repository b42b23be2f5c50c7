/** What `bench/main.ts` knows of a bench. */
export interface BenchCommand {
  readonly help: string;
  run(args: readonly string[]): Promise<void>;
}
