/** What time it is; tests hand in their own. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** Milliseconds since `start` of `performance.now()`, to a tenth. */
export const elapsedMs = (start: number): number => Math.round((performance.now() - start) * 10) / 10;
