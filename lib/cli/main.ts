#!/usr/bin/env node
/** The command `lanewise`: exit code 0 done, 1 failed, 2 wrong usage. */
import { runProgram } from './program.js';

// `lanewise ... | head` closes the pipe early. That is the reader's right, not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
});

process.exitCode = await runProgram(process.argv.slice(2));
