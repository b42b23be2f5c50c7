import { LanewiseError } from '../errors.js';

/** A file that is not what it should be; `message` says what and where. */
export const formatError = (message: string, cause?: unknown): LanewiseError =>
  new LanewiseError('ERR_MODEL_FORMAT', message, cause === undefined ? undefined : { cause });
