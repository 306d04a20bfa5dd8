import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { givesBack, keepingPieces } from "../../src/lib/malloc.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-malloc-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("what glibc is told", () => {
  it("is taken from a trainer's environment, and a user's own setting is not", () => {
    expect(keepingPieces({ ...givesBack, PORT: "1" })).toEqual({ PORT: "1" });
    expect(keepingPieces({ MALLOC_MMAP_THRESHOLD_: "65536" })).toEqual({ MALLOC_MMAP_THRESHOLD_: "65536" });
  });

  it.each([
    ["src/main/local.ts", { ...givesBack }],
    ["src/main/trainer.ts", {}],
  ])("is told to what serves alone: %s", async (program, told) => {
    const say = join(folder, "say.mjs");
    await writeFile(
      say,
      `if (process.argv[1]?.endsWith("${program}")) {
        console.log(JSON.stringify(process.env));
        process.exit();
      }`,
    );
    const { MALLOC_MMAP_THRESHOLD_: _mmap, MALLOC_TRIM_THRESHOLD_: _trim, ...env } = process.env;
    const { stdout } = spawnSync(process.execPath, ["tools/run.mjs", program], {
      env: { ...env, NODE_OPTIONS: `--import=${say}` },
      encoding: "utf8",
    });
    const seen = JSON.parse(stdout) as Record<string, string>;
    const malloc = Object.entries(seen).filter(([name]) => name.startsWith("MALLOC_"));
    expect(Object.fromEntries(malloc)).toEqual(told);
  });
});
