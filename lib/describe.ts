/** Words for error messages: what came instead of what was expected. */

const article = (name: string): string => (/^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`);

/** A value as a message names it: its kind, and its content where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return value.length <= 40 ? `'${value}'` : `a string of ${value.length} characters`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) {
    const short = value.length <= 8 && value.every((item) => typeof item === 'number');
    return short ? `[${value.join(', ')}]` : `an array of ${value.length} elements`;
  }
  return article(value.constructor?.name || 'object');
}

/** `[2, 3, 4]` */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Edits between two words, letters case-blind; two letters the wrong way round are one edit. */
function distance(first: string, second: string): number {
  const [a, b] = [first.toLowerCase(), second.toLowerCase()];
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + change));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The known name that a misspelt one most likely meant, or undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const prefixed = known.find((candidate) => candidate.startsWith(name) || name.startsWith(candidate));
  const ranked = known.map((candidate) => ({ candidate, edits: distance(name, candidate) }));
  const best = ranked.sort((a, b) => a.edits - b.edits)[0];
  if (best && best.edits <= Math.max(1, Math.floor(best.candidate.length / 3))) return best.candidate;
  return prefixed;
}
