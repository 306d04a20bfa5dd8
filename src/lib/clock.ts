/** Milliseconds to a tenth, as timings are told. */
export const tenth = (ms: number): number => Math.round(ms * 10) / 10;

/** Milliseconds since `start` of `performance.now()`, to a tenth. */
export const elapsedMs = (start: number): number => tenth(performance.now() - start);
