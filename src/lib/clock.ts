/** Milliseconds to a tenth, as timings are told. */
export const tenth = (ms: number): number => Math.round(ms * 10) / 10;

/** Milliseconds since `start` of `performance.now()`, to a tenth. */
export const elapsedMs = (start: number): number => tenth(performance.now() - start);

/** Milliseconds since the epoch, alike in all threads: performance.now() alone counts from each thread's own start. */
export const now = (): number => performance.timeOrigin + performance.now();
