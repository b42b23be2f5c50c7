/** Pictures with text, drawn stroke by stroke: a detector of text finds nothing in a synthetic pattern. */

const HEIGHT = 7;
const GAP = 1;

/** A few letters of five columns and seven rows. */
const glyphs: Readonly<Record<string, readonly string[]>> = {
  L: ['#....', '#....', '#....', '#....', '#....', '#....', '#####'],
  A: ['.###.', '#...#', '#...#', '#####', '#...#', '#...#', '#...#'],
  N: ['#...#', '##..#', '#.#.#', '#..##', '#...#', '#...#', '#...#'],
  E: ['#####', '#....', '#....', '####.', '#....', '#....', '#####'],
  1: ['..#..', '.##..', '..#..', '..#..', '..#..', '..#..', '.###.'],
  4: ['...#.', '..##.', '.#.#.', '#..#.', '#####', '...#.', '...#.'],
  7: ['#####', '....#', '...#.', '..#..', '..#..', '..#..', '..#..'],
  ' ': ['.....', '.....', '.....', '.....', '.....', '.....', '.....'],
};

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Brightness from 0 (black) to 1 (white), row by row. */
  readonly pixels: Float32Array;
}

export const blank = (width: number, height: number): Picture => ({
  width,
  height,
  pixels: new Float32Array(width * height).fill(1),
});

/** Writes `text` in black with letters of `7 * scale` pixels. */
export function write(
  { width, height, pixels }: Picture,
  text: string,
  left: number,
  top: number,
  scale: number,
): void {
  for (const [i, letter] of [...text].entries()) {
    for (const [row, line] of glyphs[letter]!.entries()) {
      for (const [column, mark] of [...line].entries()) {
        if (mark !== '#') continue;
        const x = left + (i * (line.length + GAP) + column) * scale;
        const y = top + row * scale;
        for (let v = y; v < Math.min(y + scale, height); v++)
          pixels.fill(0, v * width + x, v * width + Math.min(x + scale, width));
      }
    }
  }
}

export const letterHeight = (scale: number): number => HEIGHT * scale;

/** One grey picture as three normalised planes. */
export function normalized(
  { pixels }: Picture,
  mean: readonly number[],
  deviation: readonly number[],
): Float32Array<ArrayBuffer> {
  const planes = new Float32Array(3 * pixels.length);
  for (let plane = 0; plane < 3; plane++) {
    for (const [i, value] of pixels.entries())
      planes[plane * pixels.length + i] = (value - mean[plane]!) / deviation[plane]!;
  }
  return planes;
}
