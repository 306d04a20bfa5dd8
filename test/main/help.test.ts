import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

/** Those of npm's scripts, and those that are started by hand. */
const programs = [
  ...Object.values(scripts).flatMap((script) => /^node tools\/run\.mjs (\S+\.ts)/.exec(script)?.[1] ?? []),
  "tools/reference/everything.ts",
  "tools/reference/export-weights.ts",
  "tools/reference/previous-release.ts",
  "tools/test-recipes.ts",
];

async function run(file: string, args: readonly string[]) {
  const node = ["--disable-warning=ExperimentalWarning", join(root, file), ...args];
  const ended = promisify(execFile)(process.execPath, node, { timeout: 60_000 });
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

const benches = readdirSync(join(root, "bench")).filter((name) =>
  existsSync(join(root, "bench", name, "main.ts")),
);

describe("npm run bench", () => {
  it("tells of every bench in its usage, which no bench is loaded for", async () => {
    const { stdout } = await run("bench/main.ts", ["--help"]);
    const named = [...stdout.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name);
    expect(named).toEqual(benches);
    expect(benches.length).toBeGreaterThan(9);
  });

  it("says what a wrong option of a bench is, and how it is used", async () => {
    const { code, stdout, stderr } = await run("bench/main.ts", ["train", "--rounds", "none"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^--rounds none is not a whole number of at least 1\nusage: npm run bench -- .*\n {2}train /,
    );
  });
});

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
