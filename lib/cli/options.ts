/** Options that several commands share, and how texts become their values. */
import type { CommandOption, Parse } from './command.js';
import { UsageError } from './usage.js';

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): Parse {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`expected an integer ${range}, got '${text}'`);
  };
}

export const positive: Parse = (text) => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`expected a number above 0, got '${text}'`);
};

/** `0.5` or `0.485,0.456,0.406` */
export const numbers: Parse = (text) => {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new UsageError(`expected numbers separated by commas, got '${text}'`);
};

/** `a,b` for the two sides of a comparison; `a` for both. */
export function sides(one: (text: string) => unknown): Parse {
  return (text) => {
    const parts = text.split(',');
    if (parts.length > 2) throw new UsageError(`expected one value, or two separated by a comma, got '${text}'`);
    return parts.map(one);
  };
}

export function oneOf(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (names.includes(text)) return text;
    throw new UsageError(`expected ${names.join(' or ')}, got '${text}'`);
  };
}

/** Width and height: `640x480`, or `224` for a square. */
export const size: Parse = (text) => {
  const [, width = '', height = width] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  if (Number(width) > 0 && Number(height) > 0) return { width: Number(width), height: Number(height) };
  throw new UsageError(`expected WIDTHxHEIGHT such as 640x480, got '${text}'`);
};

export interface ShapeOption {
  /** '' where the model has one input and no name was typed. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** `x=1x3x224x224`, repeatable; commas may stand for the x. */
const shape: Parse = (text, before) => {
  const split = text.lastIndexOf('=');
  const extents = text.slice(split + 1).split(/[x,]/);
  if (split === 0 || !extents.every((extent) => /^\d+$/.test(extent) && Number(extent) > 0))
    throw new UsageError(`expected NAME=1x3x224x224, got '${text}'`);
  const option: ShapeOption = { name: text.slice(0, Math.max(0, split)), shape: extents.map(Number) };
  return [...((before as ShapeOption[] | undefined) ?? []), option];
};

export const isas = ['scalar', 'avx2', 'avx512', 'amx', 'neon'] as const;
export const numericsNames = ['fast', 'strict'] as const;

export const jsonOption: CommandOption = { flags: '--json', help: 'one JSON document on stdout, nothing else' };

export const shapeOption: CommandOption = {
  flags: '-s, --shape <[name=]extents>',
  help: 'shape of an input whose extents the model leaves open, e.g. x=1x3x224x224; repeatable',
  parse: shape,
};

export const seedOption = (help: string): CommandOption => ({
  flags: '--seed <n>',
  help,
  parse: integer(0, 2 ** 32 - 1),
});

/** How lanewise computes. */
export const engineOptions: readonly CommandOption[] = [
  { flags: '-t, --threads <n>', help: 'threads per run (default: what the machine gives)', parse: integer(1, 64) },
  { flags: '--isa <name>', help: 'instruction set', choices: isas },
  {
    flags: '--numerics <kind>',
    help: 'fast may use Winograd, Strassen and a matrix unit; strict adds in the order of the definition',
    choices: numericsNames,
  },
];

/** How pictures become tensors. */
export const imageOptions: readonly CommandOption[] = [
  {
    flags: '--mean <m,...>',
    help: 'pictures: (pixel/255 - mean) / std, one number or one per channel',
    parse: numbers,
  },
  { flags: '--std <s,...>', help: 'see --mean', parse: numbers },
  { flags: '--resize <WxH>', help: 'size of pictures (default: what the model wants, else their own)', parse: size },
  {
    flags: '--fit <how>',
    help: 'stretch (default), crop the middle, or letterbox',
    choices: ['stretch', 'crop', 'letterbox'],
  },
  { flags: '--layout <order>', help: 'of the input (default: told by its shape)', choices: ['nchw', 'nhwc'] },
  { flags: '--bgr', help: 'channels of pictures in the order blue, green, red' },
];
