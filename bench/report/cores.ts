/** As many processors as an engine has threads: both engines and the probes then run on the same ones. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Set in the process that has them. */
const marker = 'LANEWISE_BENCH_CORES';

/** The processors that this process may use, from `0-3,8` or the like in /proc; none where that cannot be told. */
function allowedProcessors(): number[] {
  let list: string | undefined;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  } catch {
    // Not Linux.
  }
  return (list?.split(',') ?? []).flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/**
 * Does this bench again in a process that may use `threads` processors alone, and is true when that is done. Without it the
 * calling thread, which one engine computes on, and the thread that the other one starts are on different cores, of which one
 * has just slept: a core takes a millisecond to come back to its clock. Does nothing where there is no `taskset`.
 */
export function doneOnCores(threads: number): boolean {
  const allowed = allowedProcessors();
  if (process.env[marker] !== undefined || allowed.length <= threads) return false;
  const chosen = allowed.slice(-threads).join(','); // the first ones serve interrupts
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [marker]: chosen };
  const { error, status } = spawnSync('taskset', ['--cpu-list', chosen, ...again], { stdio: 'inherit', env });
  if (error) return false;
  process.exitCode = status ?? 1;
  return true;
}
