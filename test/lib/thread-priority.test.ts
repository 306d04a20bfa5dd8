import { once } from "node:events";
import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { computeAtNiceness } from "../../src/lib/thread-priority.ts";

const found = async (): Promise<unknown> => {
  const [told] = (await once(new Worker(new URL("niceness-worker.ts", import.meta.url)), "message")) as [
    unknown,
  ];
  return told;
};

afterEach(() => computeAtNiceness(getPriority()));

test.skipIf(process.platform !== "linux")(
  "a thread that computes gives way as far as its process asked, and no other thread does",
  async () => {
    const first = getPriority();
    expect(await found()).toEqual({ own: first, first });
    computeAtNiceness(17);
    expect(await found()).toEqual({ own: 17, first });
  },
);
