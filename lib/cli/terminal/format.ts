/** Numbers for people. */

/** Three significant digits with thousands as `k`, `M`, `G`. */
export function count(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  if (unit === 0) return String(value);
  return `${rest.toFixed(rest < 10 ? 2 : rest < 100 ? 1 : 0)} ${units[unit]}`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  return `${count(value)}B`;
}

/** Three significant digits. */
export const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 3 : ms < 100 ? 2 : 1);

export const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

export const shapeText = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

/** Six significant digits, whole numbers as they are. */
export function value(number: number | bigint): string {
  if (typeof number === 'bigint' || Number.isInteger(number)) return String(number);
  return Number.isFinite(number) ? String(Number(number.toPrecision(6))) : String(number);
}

export const error = (number: number): string => (number === 0 ? '0' : number.toExponential(2));

export const plural = (n: number, word: string, words = `${word}s`): string => `${n} ${n === 1 ? word : words}`;

/** Names come from files anybody may have written: their control characters must not drive a terminal, or end up in a page. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\u00b7');
