/**
 * Long computations on the JavaScript thread, cut into short turns.
 *
 * Such a computation is a generator that yields wherever it may pause. The same one runs to its end at once, or beside
 * the event loop; it need not know which.
 */
import { Buffer } from 'node:buffer';
import { setImmediate as nextIteration } from 'node:timers/promises';

/** Yields where it may pause, returns its result. */
export type Work<R> = Generator<undefined, R, undefined>;

/** How long a turn may keep the thread. A step between two yields that takes longer makes its turn longer. */
const turnMs = 1.5;

/** All of it, now. */
export function finish<R>(work: Work<R>): R {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Resolves when the last turn that was asked for may begin. */
let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * One turn per iteration of the event loop, whatever the number of computations: they queue up for it, so that ten
 * models loading at once delay a timer as little as one.
 */
function nextTurn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => nextIteration());
  return lastTurn;
}

/** Turn by turn, with the event loop in between. An abort of `signal` ends it with the signal's reason. */
export async function inTurns<R>(work: Work<R>, signal?: AbortSignal): Promise<R> {
  for (;;) {
    await nextTurn();
    signal?.throwIfAborted();
    const end = performance.now() + turnMs;
    do {
      const { done, value } = work.next();
      if (done) return value;
    } while (performance.now() < end);
  }
}

/** Bytes per step of a copy: well below a turn, also where every page is touched for the first time. */
const copiedAtOnce = 1 << 19;

/** Copies `bytes` part by part; `write` puts one where it belongs. */
export function* copyParts(bytes: Uint8Array, write: (part: Uint8Array, at: number) => void): Work<void> {
  const size = bytes.byteLength;
  for (let at = 0; at < size; at += copiedAtOnce) {
    write(bytes.subarray(at, at + copiedAtOnce), at);
    yield;
    if (bytes.byteLength !== size)
      throw new TypeError('expected bytes that stay, got some that were detached or resized while they were copied');
  }
}

/** A copy of `bytes` that begins where any element type may. */
export function* copyBytes(bytes: Uint8Array): Work<Uint8Array<ArrayBuffer>> {
  if (bytes.byteLength <= copiedAtOnce) return new Uint8Array(bytes);
  // Not `new Uint8Array`: zeros for a hundred megabytes would be written at once.
  const copy = new Uint8Array(Buffer.allocUnsafeSlow(bytes.byteLength).buffer);
  yield* copyParts(bytes, (part, at) => copy.set(part, at));
  return copy;
}
