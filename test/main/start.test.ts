import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { Releases } from "../../src/lib/releases.ts";
import { serve } from "../../src/main/shared/serve.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-start-"));
  await writeFile(join(folder, "file"), "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The program's answer on stderr, in one piece: no stack, which tells a user nothing. */
function start(program: string, env: Record<string, string>): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", `src/main/${program}.ts`],
    { env: { ...process.env, ...env }, encoding: "utf8", timeout: 60_000 },
  );
  return { status, stderr };
}

describe("a program that can't start", () => {
  it.each(["local", "server", "trainer"])("says which settings are wrong: %s", (program) => {
    const env = { DATA_DIR: join(folder, "never"), PORT: "http", MAX_PROMPTS: "0" };
    expect(start(program, env)).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /^Could not start: The environment is not right:\n {2}PORT: .+\n {2}MAX_PROMPTS: .+\n$/,
      ),
    });
  });

  it("says that its DATA_DIR can't be written", () => {
    const file = join(folder, "file");
    for (const dataDir of [file, join(file, "below")]) {
      expect(start("local", { DATA_DIR: dataDir })).toEqual({
        status: 1,
        stderr: expect.stringMatching(/^Could not start: DATA_DIR is .+, which can't be written: .+\n$/),
      });
    }
  });
});

describe("serve", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp();
  });
  afterAll(() => app?.close());

  it("says that its port is taken", async () => {
    const releases = new Releases();
    const served = createApp(app.services);
    try {
      const url = await serve(served, { host: "127.0.0.1", port: 0, graceMs: 5000, releases });
      const port = Number(new URL(url).port);
      await expect(serve(served, { host: "127.0.0.1", port, graceMs: 5000, releases })).rejects.toThrow(
        `HOST 127.0.0.1, PORT ${port} is taken by another program`,
      );
    } finally {
      await releases.release();
    }
  });
});
