/** Errors of the addon as those of the library, in one place. */
import { type ErrorCode, LanewiseError } from './errors.js';

/** Codes that native code gives to what is not the caller's fault, or not a matter of shape and value. */
const passed: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_UNSUPPORTED_OPERATOR',
  'ERR_OUT_OF_MEMORY',
  'ERR_ISA_UNAVAILABLE',
  'ERR_ABORTED',
  'ERR_MODEL_FORMAT',
  'ERR_INTERNAL',
]);

/** What the C++ library and V8 say when there is no memory; neither gives a code. */
const outOfMemory: ReadonlySet<string> = new Set([
  'std::bad_alloc',
  'bad allocation',
  'Array buffer allocation failed',
]);

/** ERR_OUT_OF_MEMORY for an error that says so in its own words; any other as it is. */
export function explainMemory(cause: unknown, where: string): unknown {
  if (!(cause instanceof Error) || !outOfMemory.has(cause.message)) return cause;
  return new LanewiseError('ERR_OUT_OF_MEMORY', `${where}: out of memory`, { cause });
}

/**
 * What to throw for what the addon threw: `ERR_INVALID_VALUE` is a RangeError, every other code a LanewiseError, and
 * errors without a code (TypeError, RangeError of the addon's own checks) stay what they are. The native error is the
 * `cause`; the stack is that of this call, so for a promise make the call from the function that awaits it.
 */
export function publicError(cause: unknown, where: string): Error {
  if (!(cause instanceof Error)) return new LanewiseError('ERR_INTERNAL', `${where}: ${String(cause)}`, { cause });
  const explained = explainMemory(cause, where);
  if (explained instanceof LanewiseError) return explained;
  const { code } = cause as { code?: unknown };
  const message = `${where}: ${cause.message}`;
  if (code === 'ERR_INVALID_VALUE' || cause instanceof RangeError) return new RangeError(message, { cause });
  if (cause instanceof TypeError) return new TypeError(message, { cause });
  return new LanewiseError(
    typeof code === 'string' && passed.has(code) ? (code as ErrorCode) : 'ERR_INTERNAL',
    message,
    { cause },
  );
}

/** Runs a native call; whatever it throws becomes an error of the library. */
export function callNative<R>(where: string, call: () => R): R {
  try {
    return call();
  } catch (cause) {
    throw publicError(cause, where);
  }
}
