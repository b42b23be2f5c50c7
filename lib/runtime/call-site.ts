/** Where an asynchronous call came from: by the time it fails, its caller is no longer on the stack. */

const extended = new WeakSet<Error>();

/** The place in a frame, with or without the name of a function: `file:line:column`. */
const placeOf = (frame: string): string => frame.replace(/^\s*at (.*\()?/, '').replace(/\)$/, '');

export class CallSite {
  readonly #holder: { readonly stack?: string } = {};

  /** @param entry the function that was called; frames up to it are left out */
  constructor(entry: (...args: never[]) => unknown) {
    Error.captureStackTrace(this.#holder, entry);
  }

  /** The error with the frames of the call below its own; anything else as it is. */
  extend(cause: unknown): unknown {
    if (!(cause instanceof Error) || extended.has(cause)) return cause;
    extended.add(cause); // several runs may wait for one compilation, and share its error
    const own = cause.stack ?? `${cause.name}: ${cause.message}`;
    const frames = (this.#holder.stack ?? '').split('\n').slice(1);
    const missing = frames.filter((frame) => !own.includes(placeOf(frame)));
    if (missing.length > 0) cause.stack = [own, ...missing].join('\n');
    return cause;
  }
}
