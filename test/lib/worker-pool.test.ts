import { describe, expect, test } from "vitest";
import { workerPool } from "../../src/lib/worker-pool.ts";
import { errorOf } from "../helpers/codes.ts";
import type * as works from "./works.ts";

const poolOf = <Module>(file: string) =>
  workerPool<Module>({ module: new URL(file, import.meta.url), threads: 1 });

describe("threads of one module", () => {
  test("run its functions, and throw what they throw", async () => {
    const pool = poolOf<typeof works>("works.ts");
    expect(await pool.of("double")(21)).toBe(42);
    expect(await errorOf(() => pool.of("refuse")(undefined))).toMatchObject({
      code: "mask_empty",
      param: "a",
    });
    await pool.close();
  });

  test("that end leave nobody waiting, and others come", async () => {
    const pool = poolOf<typeof works>("works.ts");
    const [ending, behind] = [pool.of("end")(undefined), pool.of("double")(4)];
    await expect(ending).rejects.toThrow("exit");
    expect(await behind).toBe(8);
    await pool.close();
  });

  test("that can't load it leave nobody waiting", async () => {
    const pool = poolOf<typeof works>("no-such-module.ts");
    const asked = [pool.of("double")(1), pool.of("double")(2)];
    for (const one of asked) await expect(one).rejects.toThrow("no-such-module");
    await pool.close();
  });
});
