import { describe, expect, it } from "vitest";
import { Alone } from "../../src/queue/alone.ts";

describe("a job whose process has died", () => {
  it("runs alone", () => {
    const alone = new Alone();
    const [one, two] = [alone.enter("one", false), alone.enter("two", false)];
    expect(alone.enter("suspect", true)).toBeNull();
    one?.();
    expect(alone.enter("suspect", true)).toBeNull();
    two?.();
    const suspect = alone.enter("suspect", true);
    expect(suspect).not.toBeNull();
    expect(alone.enter("three", false)).toBeNull();
    expect(alone.enter("another suspect", true)).toBeNull();
    suspect?.();
    expect(alone.enter("three", false)).not.toBeNull();
  });

  it("keeps nobody waiting, until it has asked in vain for ten minutes", () => {
    let now = 0;
    const alone = new Alone(() => now);
    const first = alone.enter("first", false);
    for (; now <= 600_000; now += 5000) {
      expect(alone.enter("suspect", true)).toBeNull();
      alone.enter("other", false)?.();
    }
    expect(alone.enter("suspect", true)).toBeNull();
    expect(alone.enter("other", false)).toBeNull();
    first?.();
    const suspect = alone.enter("suspect", true);
    expect(suspect).not.toBeNull();
    suspect?.();
    expect(alone.enter("other", false)).not.toBeNull();
  });

  it("is forgotten where another process has taken it", () => {
    let now = 0;
    const alone = new Alone(() => now);
    alone.enter("first", false);
    alone.enter("suspect", true);
    now = 700_000;
    expect(alone.enter("other", false)).not.toBeNull();
  });
});
