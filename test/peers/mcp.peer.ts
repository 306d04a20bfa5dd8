import { execFile, spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tools } from "../../src/routes/mcp/tools.ts";
import { overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { type DiscProject, discProject } from "../worlds/disc-project.ts";
import { python } from "./python.ts";

const script = join(resolve(import.meta.dirname, "../.."), "peers/mcp_agent.py");
/** tools/test-peers.sh says so loudly where it is not. */
const has = spawnSync(python, ["-c", "import mcp, mcp_types, httpx2"]).status === 0;

let app: TestApp;
let world: DiscProject;
beforeAll(async () => {
  if (!has) return;
  app = await testApp();
  world = await discProject(app);
});
afterAll(() => app?.close());

it.skipIf(!has).each([
  ["auto", "2026-07-28"],
  ["legacy", "2025-11-25"],
])("Python's client predicts and is refused, asked for %s", async (mode, protocol) => {
  await overHttp(app.app, async (origin) => {
    const args = [script, `${origin}/mcp`, app.a.key, world.project, world.image, mode];
    const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 1e8 });
    expect(JSON.parse(stdout)).toMatchObject({
      protocol,
      tools: tools.map(({ name }) => name),
      content: ["text", "image"],
      found: { object: "prediction", image: { id: world.image } },
      wrong: { error: { code: "invalid_request", param: "overlya" } },
      is_error: true,
    });
  });
});
