/** Milliseconds since `start` of `performance.now()`, to a tenth. */
export const elapsedMs = (start: number): number => Math.round((performance.now() - start) * 10) / 10;
