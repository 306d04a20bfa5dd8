import { describe, expect, it } from "vitest";
import { ChildStopped } from "../../../src/lib/child/limits.ts";
import { ChildPool } from "../../../src/lib/child/pool.ts";
import { AppError } from "../../../src/lib/errors.ts";
import type * as readings from "./readings.ts";

const limits = { heapMiB: 96, memoryMiB: 320, silenceMs: 60_000, valueMiB: 8 };
const poolOf = (more: Partial<typeof limits> = {}, most = 1, ready = false) =>
  new ChildPool<typeof readings>({
    module: new URL("./readings.ts", import.meta.url),
    limits: { ...limits, ...more },
    most,
    ready,
  });

const problemOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "nothing was thrown",
    (error: unknown) => error,
  );

describe("a child process", () => {
  it("hands back plain data, is used again, and knows no secret of ours", async () => {
    const pool = poolOf();
    const first = await pool.run("double", { numbers: Float32Array.of(1, 2) });
    expect(first.numbers).toEqual(Float32Array.of(2, 4));
    expect(first.pid).not.toBe(process.pid);
    expect(first.secret).toBeUndefined();
    expect((await pool.run("double", { numbers: new Float32Array() })).pid).toBe(first.pid);
  });

  it("waits ready for the next file, a fresh one where the last was ended", async () => {
    const pool = poolOf({}, 1, true);
    const pidOf = async () => (await pool.run("double", { numbers: new Float32Array() })).pid;
    const first = await pidOf();
    expect(await problemOf(pool.run("crash", null))).toBeInstanceOf(ChildStopped);
    expect(pool.isReady).toBe(true);
    expect(await pidOf()).not.toBe(first);
    pool.close();
    expect(pool.isReady).toBe(false);
  });

  it("hands back a stream, and is ended by a reader who has enough", async () => {
    const pool = poolOf();
    const all: number[] = [];
    for await (const { i } of pool.stream("count", 20)) all.push(i);
    expect(all).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for await (const { i } of pool.stream("count", Number.POSITIVE_INFINITY)) if (i === 5) break;
    // The place is free again.
    expect((await pool.run("double", { numbers: new Float32Array(1) })).numbers).toHaveLength(1);
  });

  it("throws what its function threw", async () => {
    const pool = poolOf();
    const { pid } = await pool.run("double", { numbers: new Float32Array() });
    const refused = await problemOf(pool.run("refuse", undefined));
    // A refusal ends no child.
    expect((await pool.run("double", { numbers: new Float32Array() })).pid).toBe(pid);
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({ code: "mask_empty", message: "nothing is in it", param: "a.png" });
    expect(await problemOf(pool.run("wrong", undefined))).toMatchObject({
      name: "TypeError",
      message: "a mistake of ours",
    });
  });

  it.each([
    ["hoard", "memory", "hoard.json", "320 MiB, 96 of them for its structure"],
    ["hoardBuffers", "memory", "hoard.bin", "320 MiB"],
    ["tooLong", "memory", null, "takes more memory"],
    ["tooMuch", "size", null, "more than 8 MiB of content"],
    ["crash", "died", null, "ended by itself (SIGABRT)"],
  ] as const)("is ended when it must be: %s", async (name, reason, file, message) => {
    const pool = poolOf();
    const problem = await problemOf(pool.run(name, null));
    expect(problem).toBeInstanceOf(ChildStopped);
    expect(problem).toMatchObject({ reason, file, message: expect.stringContaining(message) });
    expect((await pool.run("double", { numbers: Float32Array.of(3) })).numbers).toEqual(Float32Array.of(6));
  });

  it("is ended when it works on without a word", async () => {
    const problem = await problemOf(poolOf({ silenceMs: 1000 }).run("spin", undefined));
    expect(problem).toMatchObject({ reason: "time", message: "reading it gave nothing for 1 s" });
  });

  it("is ended by its signal, and so is the wait for one", async () => {
    const pool = poolOf();
    const stop = new AbortController();
    const begun = pool.stream("hang", undefined, stop);
    expect((await begun.next()).value).toBe("begun");
    const waiting = problemOf(pool.run("double", { numbers: new Float32Array() }, stop));
    const going = problemOf(begun.next());
    stop.abort(new Error("not wanted any more"));
    expect([await going, await waiting]).toMatchObject([
      { message: "not wanted any more" },
      { message: "not wanted any more" },
    ]);
    expect((await pool.run("double", { numbers: new Float32Array(2) })).numbers).toHaveLength(2);
  });

  it("takes one file at a time, and more wait for their turn", async () => {
    const pool = poolOf();
    const pids = await Promise.all(
      Array.from({ length: 4 }, async () => (await pool.run("double", { numbers: new Float32Array() })).pid),
    );
    expect(pids).toHaveLength(4);
    expect(new Set(pids).size).toBe(1);
  });

  it("takes those who wait in turn, whoever asks for most", async () => {
    const pool = poolOf();
    const ended: string[] = [];
    const ask = async (by: string, number: number): Promise<void> => {
      await pool.run("double", { numbers: Float32Array.of(number) }, { by });
      ended.push(`${by}${number}`);
    };
    await Promise.all([ask("a", 1), ask("a", 2), ask("a", 3), ask("b", 1), ask("c", 1), ask("b", 2)]);
    expect(ended).toEqual(["a1", "a2", "b1", "c1", "a3", "b2"]);
  });
});
