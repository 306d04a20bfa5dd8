import { expect, test } from "vitest";
import { Slots } from "../../src/lib/slots.ts";

test("owners take turns, each one's work in its order, and what aborts while it waits never starts", async () => {
  const slots = new Slots(1);
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const abort = new AbortController();
  const work = async (name: string, owner: string, signal?: AbortSignal): Promise<void> =>
    slots.run(
      async () => {
        ran.push(name);
        await gate.promise;
      },
      { owner, signal },
    );
  const busy = ["a1", "a2", "a3"].map(async (name) => work(name, "ws_a"));
  const gone = work("b1", "ws_b", abort.signal);
  const stayed = work("b2", "ws_b");
  abort.abort(new Error("left"));
  gate.resolve();
  await expect(gone).rejects.toThrow("left");
  await Promise.all([...busy, stayed]);
  // The first starts at once; then each owner's next, and b1 has left without using up its owner's turn.
  expect(ran).toEqual(["a1", "a2", "b2", "a3"]);
});

test("an owner with one piece of work is not behind all of another's", async () => {
  const slots = new Slots(1);
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const work = async (name: string, owner: string): Promise<void> =>
    slots.run(
      async () => {
        ran.push(name);
        await gate.promise;
      },
      { owner },
    );
  const all = [...["a1", "a2", "a3", "a4"].map(async (name) => work(name, "ws_a")), work("b1", "ws_b")];
  gate.resolve();
  await Promise.all(all);
  expect(ran).toEqual(["a1", "a2", "b1", "a3", "a4"]);
});

test("who waits leaves as soon as it aborts or has waited long enough, and takes no turn from others", async () => {
  const slots = new Slots(1);
  const gate = Promise.withResolvers<void>();
  const abort = new AbortController();
  const busy = slots.run(() => gate.promise, { owner: "a" });
  const never = (): Promise<void> => Promise.reject(new Error("it ran"));
  const gone = slots.run(never, { owner: "a", signal: abort.signal });
  const late = slots.run(never, { owner: "b", waitMs: 1 });
  const patient = slots.run(async () => "done", { owner: "a" });
  abort.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  await expect(late).rejects.toMatchObject({ code: "overloaded", retryAfter: 1 });
  gate.resolve();
  await busy;
  expect(await patient).toBe("done");
});

test("of one owner at most 256 wait to be told to come later, and others' are let in", async () => {
  const slots = new Slots(1);
  const gate = Promise.withResolvers<void>();
  const wait = (owner: string): Promise<void> => slots.run(() => gate.promise, { owner, waitMs: 60_000 });
  const all = Array.from({ length: 257 }, () => wait("a"));
  await expect(wait("a")).rejects.toMatchObject({ code: "overloaded", retryAfter: 1 });
  all.push(wait("b"));
  gate.resolve();
  await Promise.all(all);
});
