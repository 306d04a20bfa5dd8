import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

/** Those of npm's scripts, and those that are started by hand. */
const programs = [
  ...Object.values(scripts).flatMap((script) => /^node scripts\/run\.mjs (\S+\.ts)/.exec(script)?.[1] ?? []),
  "bench/cold-start.ts",
  "bench/parity/main.ts",
  "scripts/reference/everything.ts",
  "scripts/reference/export_weights.ts",
  "scripts/reference/previous-release.ts",
  "scripts/test-recipes.ts",
];

async function run(file: string, args: readonly string[]) {
  const node = ["--disable-warning=ExperimentalWarning", join(root, file), ...args];
  const ended = promisify(execFile)(process.execPath, node, { timeout: 60_000 });
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe("every program", () => {
  it("is known here", () => {
    expect(programs.length).toBeGreaterThan(15);
    expect(programs.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it.concurrent.each(programs)("prints its usage for --help and starts nothing: %s", async (file) => {
    const { code, stdout, stderr } = await run(file, ["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/npm run|npm start|node |maskwright COMMAND/);
  });

  it.concurrent.each(["src/main/server.ts", "src/main/operate.ts", "examples/demo/main.ts", "bench/main.ts"])(
    "says in words that it does not know an argument: %s",
    async (file) => {
      const { code, stdout, stderr } = await run(file, ["--no-such-option"]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/npm run|npm start|node /);
      expect(stderr).not.toContain("    at ");
    },
  );
});
