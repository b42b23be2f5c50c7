/** What the library runs on: instruction sets, threads, caches. */
import { describe } from './describe.js';
import { type CpuInfo, native } from './native.js';
import { callNative } from './native-error.js';

/** The pool has room for this many threads, the caller included. */
const maxThreads = 64;

/**
 * The instruction sets that this machine can run and this binary holds, the one in use, the number of threads, and the
 * cache sizes in bytes (0 where unknown).
 *
 * @throws LanewiseError ERR_ISA_UNAVAILABLE when the environment variable LANEWISE_ISA names one that cannot be used here
 */
export function cpuInfo(): CpuInfo {
  return callNative('cpuInfo', () => native.cpuInfo());
}

/**
 * Sets how many threads a run may use, from now on and in the whole process. 0 or nothing returns to the default: the
 * environment variable LANEWISE_THREADS, else the processors this process may use (affinity and container quota).
 *
 * @throws TypeError when it is not a number
 * @throws RangeError when it is not an integer from 0 to 64
 */
export function setThreads(count = 0): void {
  if (typeof count !== 'number') throw new TypeError(`setThreads: count: expected a number, got ${describe(count)}`);
  if (!Number.isInteger(count) || count < 0 || count > maxThreads) {
    throw new RangeError(`setThreads: count: expected an integer from 0 to ${maxThreads}, got ${count}`);
  }
  callNative('setThreads', () => native.setThreads(count));
}
