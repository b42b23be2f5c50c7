/** Up to here every number of threads is measured, above only powers of two and the last. */
const gapless = 8;

/** The numbers of threads that tell how a machine scales. */
export const usualThreadCounts = (processors: number): number[] =>
  Array.from({ length: processors }, (_, i) => i + 1).filter(
    (count) => count <= gapless || Number.isInteger(Math.log2(count)) || count === processors,
  );
