/** Work on threads of the addon that an AbortSignal ends. */
import { type NativeStopToken, native } from './native.js';
import { callNative, publicError } from './native-error.js';

/**
 * What `start` begins, told to stop when `signal` is aborted; it is over, one way or the other, once this is settled.
 * @throws the signal's reason when it is aborted, else an error of the library
 */
export async function stoppable<R>(
  where: string,
  signal: AbortSignal | undefined,
  start: (stop: NativeStopToken | undefined) => Promise<R>,
): Promise<R> {
  signal?.throwIfAborted(); // the event would not come a second time
  const stop = signal && callNative(where, () => new native.StopToken());
  const abort = () => stop?.stop();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await start(stop);
  } catch (cause) {
    signal?.throwIfAborted();
    throw publicError(cause, where);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
