/** The codes of {@link LanewiseError}. Wrong types are `TypeError`, wrong shapes and values are `RangeError`; everything else is one of these. */
export type ErrorCode =
  | 'ERR_MODEL_FORMAT'
  | 'ERR_UNSUPPORTED_OPERATOR'
  | 'ERR_ABORTED'
  | 'ERR_BUSY'
  | 'ERR_DISPOSED'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_ISA_UNAVAILABLE'
  | 'ERR_LIMIT'
  | 'ERR_NATIVE_LOAD'
  | 'ERR_INTERNAL';

/** An error of the library with a stable, documented `code`. */
export class LanewiseError extends Error {
  override readonly name = 'LanewiseError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
