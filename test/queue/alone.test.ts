import { describe, expect, it } from "vitest";
import { Alone } from "../../src/queue/alone.ts";

describe("a job whose process has died", () => {
  it("runs alone", () => {
    const alone = new Alone();
    const [one, two] = [alone.enter("one", { suspect: false }), alone.enter("two", { suspect: false })];
    expect(alone.enter("suspect", { suspect: true })).toBeNull();
    one?.();
    expect(alone.enter("suspect", { suspect: true })).toBeNull();
    two?.();
    const suspect = alone.enter("suspect", { suspect: true });
    expect(suspect).not.toBeNull();
    expect(alone.enter("three", { suspect: false })).toBeNull();
    expect(alone.enter("another suspect", { suspect: true })).toBeNull();
    suspect?.();
    expect(alone.enter("three", { suspect: false })).not.toBeNull();
  });

  it("keeps nobody waiting, until it has asked in vain for ten minutes", () => {
    let now = 0;
    const alone = new Alone(() => now);
    const first = alone.enter("first", { suspect: false });
    for (; now <= 600_000; now += 5000) {
      expect(alone.enter("suspect", { suspect: true })).toBeNull();
      alone.enter("other", { suspect: false })?.();
    }
    expect(alone.enter("suspect", { suspect: true })).toBeNull();
    expect(alone.enter("other", { suspect: false })).toBeNull();
    first?.();
    const suspect = alone.enter("suspect", { suspect: true });
    expect(suspect).not.toBeNull();
    suspect?.();
    expect(alone.enter("other", { suspect: false })).not.toBeNull();
  });

  it("goes before short jobs that nobody waits for, which would else keep it out for as long", () => {
    const alone = new Alone(() => 0);
    const embedding = { suspect: false, canWait: true };
    const first = alone.enter("first", embedding);
    expect(alone.enter("suspect", { suspect: true })).toBeNull();
    expect(alone.enter("second", embedding)).toBeNull();
    first?.();
    const suspect = alone.enter("suspect", { suspect: true });
    expect(suspect).not.toBeNull();
    suspect?.();
    expect(alone.enter("second", embedding)).not.toBeNull();
  });

  it("is forgotten where another process has taken it", () => {
    let now = 0;
    const alone = new Alone(() => now);
    alone.enter("first", { suspect: false });
    alone.enter("suspect", { suspect: true });
    now = 700_000;
    expect(alone.enter("other", { suspect: false })).not.toBeNull();
  });
});
