import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { overHttp, type TestApp, testApp } from "../helpers/app.ts";

/** The program itself, as somebody runs it who has nothing else of ours. */

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const program = resolve(import.meta.dirname, "../../tools/acceptance.mjs");
const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    execFile(process.execPath, [program, ...args], (error, out, err) =>
      done({ code: Number(error?.code ?? 0), out, err }),
    );
  });

describe("the acceptance suite", () => {
  it("passes on an installation, and leaves nothing of its own there", async () => {
    await overHttp(app.app, async (url) => {
      const { code, out } = await run(url, app.a.key, "smoke");
      expect(out).toContain("6 of 6 passed");
      expect(out).not.toContain("FAIL");
      expect(code).toBe(0);
    });
    expect((await app.a.get("/v1/projects")).body["data"]).toEqual([]);
  });

  it("says what failed, and ends with 1", async () => {
    await overHttp(app.app, async (url) => {
      const { code, out } = await run(url, "mw_wrong", "smoke", "--json");
      const { passed, failed, results } = JSON.parse(out) as {
        passed: number;
        failed: number;
        results: { what: string; passed: boolean; failure?: string }[];
      };
      expect([code, passed, failed]).toEqual([1, 2, 4]);
      expect(results.find(({ what }) => what.startsWith("makes a project"))?.failure).toMatch(
        /^POST \/v1\/projects: 401 /,
      );
    });
  });

  it("ends with 2 where it is asked wrongly", async () => {
    for (const args of [[], ["http://127.0.0.1:1"], ["http://127.0.0.1:1", "k", "all"], ["no url", "k"]]) {
      const { code, err } = await run(...args);
      expect(code).toBe(2);
      expect(err).toContain("usage: maskwright-acceptance URL KEY");
    }
  });
});
