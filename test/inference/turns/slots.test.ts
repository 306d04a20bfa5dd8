import { expect, test } from "vitest";
import { Slots } from "../../../src/inference/turns/slots.ts";

const never = new AbortController().signal;

test("owners take turns, each one's work in its order, and what aborts while it waits never starts", async () => {
  const slots = new Slots(1);
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const abort = new AbortController();
  const work = async (name: string, owner: string, signal = never): Promise<void> =>
    slots.run(
      async () => {
        ran.push(name);
        await gate.promise;
      },
      signal,
      owner,
    );
  const busy = ["a1", "a2", "a3"].map(async (name) => work(name, "ws_a"));
  const gone = work("b1", "ws_b", abort.signal);
  const stayed = work("b2", "ws_b");
  abort.abort(new Error("left"));
  gate.resolve();
  await expect(gone).rejects.toThrow("left");
  await Promise.all([...busy, stayed]);
  // The first starts at once; then each owner's next, of which b1 has left.
  expect(ran).toEqual(["a1", "a2", "a3", "b2"]);
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
      never,
      owner,
    );
  const all = [...["a1", "a2", "a3", "a4"].map(async (name) => work(name, "ws_a")), work("b1", "ws_b")];
  gate.resolve();
  await Promise.all(all);
  expect(ran).toEqual(["a1", "a2", "b1", "a3", "a4"]);
});
