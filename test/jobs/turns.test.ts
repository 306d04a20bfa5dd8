import { expect, it } from "vitest";
import { Turns } from "../../src/jobs/turns.ts";

const never = new AbortController().signal;

it("background work waits for the last of what runs, also when that fails", async () => {
  const turns = new Turns();
  const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const running = [turns.during(async () => one.promise), turns.during(async () => two.promise)];
  const order: string[] = [];
  const waiting = turns.untilIdle(never).then(() => order.push("idle"));
  one.resolve("done");
  order.push((await running[0]) ?? "");
  const failed = expect(running[1]).rejects.toThrow("broken");
  order.push("fails");
  two.reject(new Error("broken"));
  await failed;
  await waiting;
  expect(order).toEqual(["done", "fails", "idle"]);
});

it("does not wait when nothing runs, nor after an abort", async () => {
  const turns = new Turns();
  await turns.untilIdle(never);
  const forever = turns.during(async () => new Promise<void>(() => {}));
  const control = new AbortController();
  const waiting = turns.untilIdle(control.signal);
  control.abort();
  await waiting;
  await turns.untilIdle(control.signal);
  expect(forever).toBeInstanceOf(Promise);
});
