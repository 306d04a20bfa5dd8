import { describe, expect, it } from "vitest";
import { byDeadline } from "../../src/lib/deadline.ts";

const late = (): Error => new Error("late");
/** Ends when its signal aborts, as work does that looks at it. */
const endless = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

describe("work with a deadline", () => {
  it("is what it comes to before", async () => {
    const { signal } = new AbortController();
    expect(await byDeadline(60_000, { signal, late }, async (own) => [own.aborted, 1])).toEqual([false, 1]);
  });

  it("ends with the error of who is late, and with its caller's", async () => {
    const caller = new AbortController();
    await expect(byDeadline(1, { signal: caller.signal, late }, endless)).rejects.toThrow("late");
    const asked = byDeadline(60_000, { signal: caller.signal, late }, endless);
    caller.abort(new Error("gone"));
    await expect(asked).rejects.toThrow("gone");
  });
});
