import { elapsedMs, tenth } from "../lib/clock.ts";

/** Milliseconds: waiting for a worker, embedding, decoding, and turning logits into answers. */
export interface Times {
  queue: number;
  embed: number;
  decode: number;
  encode: number;
}

/** Times as answers tell them, with all of it, to a tenth. */
export type TimingMs = Readonly<Times & { total: number }>;

/** `start` is of performance.now(). */
export const toTimingMs = ({ queue, embed, decode, encode }: Times, start: number): TimingMs => ({
  queue: tenth(queue),
  embed: tenth(embed),
  decode: tenth(decode),
  encode: tenth(encode),
  total: elapsedMs(start),
});
