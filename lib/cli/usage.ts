/** What was typed cannot be meant: one line on stderr, exit code 2. Everything else that goes wrong is exit code 1. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a command was asked to do and could not, in words for whoever typed it: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
