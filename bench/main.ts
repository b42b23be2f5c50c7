/** `npm run bench -- COMMAND`: what is fast, what is not. */
import type { BenchCommand } from './report/command.js';
import { UsageError } from './report/options.js';

/** Loaded when asked for: one bench may need packages that another does not. */
const commands: Readonly<Record<string, { readonly summary: string; load(): Promise<{ command: BenchCommand }> }>> = {
  models: { summary: 'whole networks against onnxruntime, interleaved', load: () => import('./models/command.js') },
  layers: { summary: 'single layers against the peak of the core', load: () => import('./layers/command.js') },
  cold: { summary: 'the same with cold caches, or several networks in turns', load: () => import('./cold/command.js') },
  scaling: { summary: 'whole networks with one thread, two and so on', load: () => import('./scaling/command.js') },
  start: { summary: 'cold starts: time to the first result and memory', load: () => import('./start/command.js') },
  runtime: { summary: 'the event loop and aborts, as a server feels them', load: () => import('./runtime/command.js') },
  report: { summary: 'one page of the JSON files of the others', load: () => import('./collect/command.js') },
};

const help = `Usage: npm run bench -- COMMAND [options]

Commands:
${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

COMMAND --help lists its options. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === '--help' || name === undefined) {
    process.stdout.write(help);
    if (name === undefined) process.exitCode = 2;
    return;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry) throw new UsageError(`unknown command '${name}'; there are: ${Object.keys(commands).join(', ')}`);
  const { command } = await entry.load();
  if (args.includes('--help')) process.stdout.write(command.help);
  else await command.run(args);
}

try {
  await main(process.argv.slice(2));
} catch (cause) {
  const usage = cause instanceof UsageError;
  console.error(`bench: ${usage ? `${cause.message} (--help shows the usage)` : ((cause as Error).stack ?? cause)}`);
  process.exitCode = usage ? 2 : 1;
}
