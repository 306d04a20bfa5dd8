import { describe, expect, it } from "vitest";
import { createMemoryBudget, defaultMemoryBudget, memoryLimit } from "../../src/lib/memory-budget.ts";

const MiB = 1024 * 1024;

/** A budget of 100 bytes, and the order in which those that wait are served. */
function world() {
  const budget = createMemoryBudget(100);
  const served: string[] = [];
  const ask = (name: string, bytes: number, by: string, waitMs?: number) => {
    const asked = budget
      .reserve(bytes, { by, ...(waitMs !== undefined && { waitMs }) })
      .then((reservation) => (served.push(name), reservation));
    // Those who still wait when a test ends give up later.
    asked.catch(() => undefined);
    return asked;
  };
  return { budget, served, ask };
}

/** Lets every promise that can be settled be settled. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("a memory budget", () => {
  it("gives out what is free at once, and takes it back once", async () => {
    const { budget, ask } = world();
    const [one, two] = await Promise.all([ask("one", 40, "a"), ask("two", 34.2, "a")]);
    expect([one.bytes, two.bytes, budget.used]).toEqual([40, 35, 75]);
    one.shrinkTo(10);
    one.shrinkTo(30);
    expect([one.bytes, budget.used]).toEqual([10, 45]);
    one.release();
    one.release();
    two.release();
    expect([budget.used, budget.waiting]).toEqual([0, 0]);
  });

  it("refuses what never fits, with both figures and what would", async () => {
    const budget = createMemoryBudget(400 * MiB);
    const asked = budget.reserve(300.5 * MiB, {
      by: "a",
      what: "this answer",
      hint: "Ask for fewer prompts.",
      param: "prompts",
    });
    await expect(asked).rejects.toMatchObject({
      code: "memory_exceeded",
      status: 413,
      param: "prompts",
      message: "this answer needs about 301 MiB of memory; 300 MiB are the most. Ask for fewer prompts.",
    });
    await expect(budget.reserve(Number.NaN, { by: "a" })).rejects.toMatchObject({ code: "memory_exceeded" });
    expect(budget.used).toBe(0);
  });

  it("serves who holds something before those of its key who begin: they would wait for each other", async () => {
    const budget = createMemoryBudget(100);
    const served: string[] = [];
    const ask = async (name: string, bytes: number, begins: boolean) => {
      const held = await budget.reserve(bytes, { by: "a", begins });
      served.push(name);
      return held;
    };
    const body = await ask("body", 60, true);
    const line = [ask("next body", 60, true), ask("third body", 60, true), ask("its answer", 10, false)];
    const answer = await line[2];
    expect(served).toEqual(["body", "its answer"]);
    for (const held of [answer, body]) held?.release();
    (await line[0])?.release();
    await line[1];
    expect(served).toEqual(["body", "its answer", "next body", "third body"]);
  });

  it("serves keys in turn, each in its order, and none holds all of it", async () => {
    const { budget, served, ask } = world();
    const first = await ask("a0", 75, "a");
    const line = [ask("a1", 40, "a"), ask("a2", 40, "a"), ask("b1", 30, "b"), ask("c1", 60, "c")];
    await settle();
    expect(served).toEqual(["a0"]);
    first.release();
    await settle();
    // After a comes b, then c, which doesn't fit.
    expect(served).toEqual(["a0", "a1", "b1"]);
    (await (line[0] as Promise<{ release(): void }>)).release();
    await settle();
    expect(served).toEqual(["a0", "a1", "b1", "c1"]);
    (await (line[2] as Promise<{ release(): void }>)).release();
    await settle();
    expect(served).toEqual(["a0", "a1", "b1", "c1", "a2"]);
    expect(budget.used).toBe(100);
  });

  it("holds nobody up for one that only its own share keeps waiting", async () => {
    const { served, ask } = world();
    await ask("a0", 70, "a");
    void ask("a1", 20, "a");
    await ask("b0", 30, "b");
    expect(served).toEqual(["a0", "b0"]);
  });

  it("lets small asks by one that does not fit yet, but not for ever", async () => {
    const { served, ask } = world();
    const big = await ask("big", 60, "a");
    const next = ask("next", 60, "b");
    for (let i = 0; i < 32; i++) (await ask(`small ${i}`, 5, "c")).release();
    void ask("small 32", 5, "c");
    await settle();
    expect(served).toHaveLength(33);
    big.release();
    await next;
    await settle();
    expect(served.slice(33)).toEqual(["next", "small 32"]);
  });

  it("gives up after a while with the time to wait, and forgets who has gone", async () => {
    const { budget, served, ask } = world();
    const held = await ask("held", 75, "a");
    await expect(ask("late", 50, "b", 1)).rejects.toMatchObject({ code: "overloaded", retryAfter: 1 });
    const gone = new AbortController();
    const asked = budget.reserve(50, { by: "b", signal: gone.signal });
    gone.abort(new Error("the client has gone"));
    await expect(asked).rejects.toThrow("the client has gone");
    await expect(budget.reserve(1, { by: "b", signal: gone.signal })).rejects.toThrow("the client has gone");
    expect([budget.waiting, budget.used]).toEqual([0, 75]);
    held.release();
    await ask("after", 50, "b");
    expect(served).toEqual(["held", "after"]);
  });

  it("lets 256 of one key wait, not more", async () => {
    const { budget, ask } = world();
    const held = await ask("held", 75, "a");
    const line = Array.from({ length: 256 }, (_, i) => ask(String(i), 50, "b"));
    await expect(ask("one more", 50, "b")).rejects.toMatchObject({ code: "overloaded" });
    expect(budget.waiting).toBe(256);
    held.release();
    for (const one of line) (await one).release();
    expect([budget.waiting, budget.used]).toEqual([0, 0]);
  });

  it("is given back when the work under it ends, however it does", async () => {
    const { budget } = world();
    const sizes = await budget.hold(40, { by: "a" }, async () => budget.used);
    expect([sizes, budget.used]).toEqual([40, 0]);
    const failing = budget.hold(40, { by: "a" }, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(budget.used).toBe(0);
  });

  it("is by default a quarter of what the process may use, within bounds", () => {
    expect(defaultMemoryBudget(1024 * MiB)).toBe(256 * MiB);
    expect(defaultMemoryBudget(64 * 1024 * MiB)).toBe(512 * MiB);
    expect(defaultMemoryBudget(256 * MiB)).toBe(128 * MiB);
    expect(memoryLimit()).toBeGreaterThan(0);
  });
});
