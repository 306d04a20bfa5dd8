import sharp from "sharp";
import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessTo } from "../../src/routes/http/access.ts";
import { tools } from "../../src/routes/mcp/tools.ts";
import { type Client, errorOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated, seedImage, seedVersion } from "../helpers/seeds.ts";
import { type Agent, connect, refusalOf, type ToolResult } from "../worlds/agents.ts";
import { around, disc, type DiscProject, discProject } from "../worlds/disc-project.ts";

type Json = Record<string, unknown>;
type Version = keyof typeof connect;
const versions = Object.keys(connect) as Version[];

let app: TestApp;
let world: DiscProject;
/** One for each version, both with workspace a, which has it all. */
let agents: Record<Version, Agent>;
/** With workspace b. */
let other: Agent;
beforeAll(async () => {
  app = await testApp();
  world = await discProject(app);
  await seedAnnotated(app, world.project, 3);
  await seedVersion(app, world.project, 1);
  const of = async (version: Version, who: Client) => connect[version](app, who);
  agents = {
    "2026-07-28": await of("2026-07-28", app.a),
    "2025-11-25": await of("2025-11-25", app.a),
  };
  other = await of("2026-07-28", app.b);
});
afterAll(async () => {
  for (const agent of [...Object.values(agents ?? {}), other]) await agent?.close();
  await app?.close();
});

const answerOf = (result: ToolResult): Json => {
  expect(refusalOf(result)).toBe("none");
  expect(JSON.parse(result.content[0]?.text ?? "")).toEqual(result.structuredContent);
  return result.structuredContent as Json;
};
const onDisc = (more: Json = {}) => ({
  project_id: world.project,
  image: { id: world.image },
  prompts: [{ box: around }],
  ...more,
});

describe.each(versions)("an agent that speaks %s", (version) => {
  const ask = async (name: string, given: Json = {}): Promise<ToolResult> =>
    agents[version].call(name, { ...(name !== "list_projects" && { project_id: world.project }), ...given });
  const get = async (name: string, given?: Json): Promise<Json> => answerOf(await ask(name, given));

  it("is told of all tools, what they take and what they do", async () => {
    expect(agents[version].version()).toBe(version);
    const listed = await agents[version].list();
    expect(listed.map(({ name }) => name)).toEqual(tools.map(({ name }) => name));
    for (const { description, inputSchema, outputSchema, annotations } of listed) {
      expect(description?.length).toBeGreaterThan(50);
      expect(inputSchema["additionalProperties"]).toBe(false);
      expect(outputSchema).toMatchObject({ type: "object" });
      expect(annotations).toMatchObject({ openWorldHint: false });
    }
    const { inputSchema, annotations } = listed.find(({ name }) => name === "predict")!;
    expect(annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    expect(JSON.stringify(inputSchema)).toContain("[x0, y0, x1, y1] in pixels of the original image.");
  });

  it("predicts what the API predicts, and looks at it", async () => {
    const [listed] = (await get("list_projects"))["data"] as [Json];
    expect(listed["id"]).toBe(world.project);
    const images = (await get("list_images", { limit: 100 }))["data"] as Json[];
    expect(images.map(({ id }) => id)).toContain(world.image);

    const result = await ask("predict", onDisc({ overlay: true, polygon_tolerance: 0 }));
    const { project_id: _, ...body } = onDisc({ format: "polygon" });
    const { body: same } = await app.a.post(`/v1/projects/${world.project}/predict`, body);
    expect(answerOf(result)["results"]).toEqual(same["results"]);

    expect(result.content).toHaveLength(2);
    const { type, mimeType, data } = result.content[1]!;
    expect([type, mimeType]).toEqual(["image", "image/jpeg"]);
    const { data: pixels, info } = await sharp(Buffer.from(data ?? "", "base64"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([120, 90]);
    const at = (x: number, y: number): number[] => [
      ...pixels.subarray(3 * (y * 120 + x), 3 * (y * 120 + x) + 3),
    ];
    // The disc is blue and the paper pale; the first mask is orange.
    expect(at(disc.x, disc.y)[0]).toBeGreaterThan(90);
    expect(at(3, 3)[2]).toBeGreaterThan(190);

    const base64 = Buffer.from(world.bytes).toString("base64");
    const sent = onDisc({ image: { base64 }, overlay: true, polygon_tolerance: 0 });
    expect((await ask("predict", sent)).content[1]).toEqual(result.content[1]);
  });

  it("uploads an image once, however often it is sent", async () => {
    const base64 = Buffer.from(world.bytes).toString("base64");
    expect(await get("upload_image", { base64 })).toMatchObject({ id: world.image, width: 120 });
    expect(refusalOf(await ask("upload_image", { base64: "%" }))).toBe("invalid_request base64");
    expect(refusalOf(await ask("upload_image", { base64: "aGVsbG8=" }))).toBe("image_format_unsupported");
  });

  it("starts a fine-tune, watches it and cancels it", async () => {
    const started = await get("start_fine_tune", { seed: 3 });
    expect(started).toMatchObject({ status: "queued", seed: 3 });
    const given = { fine_tune_id: started["id"] };
    const queued = { fine_tune: { id: started["id"], status: "queued" }, verdict: null };
    expect(await get("get_fine_tune", given)).toMatchObject(queued);
    const watched = get("get_fine_tune", { ...given, wait_seconds: 20 });
    expect(await get("cancel_fine_tune", given)).toMatchObject({ status: "cancelled" });
    expect(await watched).toMatchObject({ fine_tune: { status: "cancelled" }, verdict: null });
    expect(await get("cancel_fine_tune", given)).toMatchObject({ status: "cancelled" });
  });

  it("reads the verdict of one that has ended", async () => {
    const [{ fine_tune_id }] = (await get("list_versions"))["data"] as [Json];
    await app.db.execute(
      sql`update fine_tunes set status = 'succeeded', result_version = 1, finished_at = now() where id = ${fine_tune_id}`,
    );
    expect(await get("get_fine_tune", { fine_tune_id })).toMatchObject({
      fine_tune: { status: "succeeded", version: 1 },
      verdict: { version: 1, held_out: { base: { mean_iou: 0.25 }, tuned: { mean_iou: 0.5 } } },
    });
  });

  it("makes a version live, exports it and goes back", async () => {
    expect(await get("promote_version", { version: 1, reason: "better" })).toMatchObject({
      from_version: null,
      to_version: 1,
      reason: "better",
      actor: app.a.keyId,
    });
    expect((await get("list_versions"))["data"]).toMatchObject([
      { number: 1, status: "active", labels: null },
    ]);
    expect(refusalOf(await ask("promote_version", { version: 1 }))).toBe("version_already_active version");
    const { url, weights_link: link } = await get("export_version", { version: 1, format: "card" });
    const { pathname, search } = new URL(String(url));
    expect((await app.a.get(pathname + search)).status).toBe(200);
    const weights = await app.app.request(new URL((link as { url: string }).url).pathname);
    expect(await weights.text()).toBe("weights 1");
    expect(await get("export_version", { version: "base" })).toMatchObject({ weights_link: null });
    expect(refusalOf(await ask("export_version", { version: 9 }))).toContain("version_not_found");
    expect(await get("rollback")).toMatchObject({ kind: "rollback", to_version: null });
    expect(refusalOf(await ask("rollback"))).toBe("nothing_to_roll_back");
  });

  it("is told which argument is wrong, and of those that there are none of", async () => {
    for (const [name, given, told] of [
      ["list_projects", { limt: 3 }, "invalid_request limt"],
      ["list_projects", { limit: 1000 }, "invalid_request limit"],
      ["list_projects", { cursor: "mine" }, "invalid_request cursor"],
      ["predict", onDisc({ prompts: [{ bbox: around }] }), "invalid_request prompts[0].bbox"],
      ["predict", onDisc({ format: "logits" }), "invalid_request format"],
      ["predict", onDisc({ prompts: [{ box: [5, 5, 5, 9] }] }), "box_zero_area prompts[0].box"],
      ["predict", onDisc({ prompts: [{ label: "stamp" }] }), "finder_missing version"],
      ["predict", onDisc({ image: { sha256: "0".repeat(64) }, overlay: true }), "invalid_request overlay"],
      ["predict", onDisc({ image: { id: "img_none" } }), "image_not_found image.id"],
      ["start_fine_tune", { hyperparameters: { epoch: 1 } }, "hyperparameter_invalid hyperparameters.epoch"],
      ["get_fine_tune", { fine_tune_id: "ft_none" }, "fine_tune_not_found fine_tune_id"],
    ] as const)
      expect(`${name} ${refusalOf(await ask(name, given))}`).toBe(`${name} ${told}`);
    await expect(ask("delete_project")).rejects.toThrow("There is no tool delete_project; these are: list_");
  });
});

describe("a key", () => {
  it("may call the tools whose routes it may call, and no other", async () => {
    for (const scope of ["read", "predict", "annotate", "train"] as const) {
      const agent = await connect["2026-07-28"](app, await app.clientOf(app.a.workspaceId, [scope]));
      const before = await app.traces();
      const wrong: string[] = [];
      for (const { name, route } of tools) {
        const told = refusalOf(await agent.call(name, { project_id: "none", there_is: "none" }));
        const expected = accessTo(route) === scope ? "invalid_request" : "scope_missing";
        if (told.split(" ")[0] !== expected) wrong.push(`${scope} ${name}: ${told}`);
      }
      expect(wrong).toEqual([]);
      expect(await app.traces()).toEqual(before);
      await agent.close();
    }
  });

  it("of another workspace finds nothing, whatever it names", async () => {
    const own = await makeProject(app.b);
    const image = await seedImage(app, world.project);
    const [{ fine_tune_id }] = answerOf(
      await agents["2026-07-28"].call("list_versions", { project_id: world.project }),
    )["data"] as [Json];
    const of: Record<string, Json> = {
      upload_image: { base64: Buffer.from(world.bytes).toString("base64") },
      predict: { image: { id: image }, prompts: [{ box: around }], overlay: true },
      get_fine_tune: { fine_tune_id },
      cancel_fine_tune: { fine_tune_id },
      promote_version: { version: 1 },
      export_version: { version: 1 },
    };
    const before = await app.traces();
    const told: Record<string, string> = {};
    for (const { name } of tools) {
      if (name === "list_projects") continue;
      const result = await other.call(name, { project_id: world.project, ...of[name] });
      expect(`${name}: ${refusalOf(result)}`).toBe(`${name}: project_not_found project_id`);
      if (!of[name] || name === "upload_image") continue;
      // A project of its own, and what another's has.
      const mixed = await other.call(name, { project_id: own, ...of[name] });
      told[name] = refusalOf(mixed).split(" ")[0] ?? "";
    }
    expect(told).toEqual({
      predict: "image_not_found",
      get_fine_tune: "fine_tune_not_found",
      cancel_fine_tune: "fine_tune_not_found",
      promote_version: "version_not_found",
      export_version: "version_not_found",
    });
    expect(await app.traces()).toEqual(before);
    const { data } = answerOf(await other.call("list_projects"));
    expect((data as Json[]).map(({ id }) => id)).toEqual([own]);
  });
});

describe("an answer", () => {
  it("that nobody can read is refused", async () => {
    const prompts = Array.from({ length: 64 }, () => ({ box: around }));
    const given = onDisc({ prompts, multimask: true, polygon_tolerance: 0 });
    expect(refusalOf(await agents["2026-07-28"].call("predict", given))).toBe("answer_too_large prompts");
  });
});

describe("the route", () => {
  const accept = "application/json, text/event-stream";
  const send = async (json: unknown, headers: Record<string, string> = {}) =>
    app.a.send("POST", "/mcp", { json, headers: { accept, ...headers } });

  it("takes a notification, and neither sessions nor several messages at once", async () => {
    const heard = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect((await send(heard)).status).toBe(202);
    expect(errorOf(await send([heard]))).toBe("400 invalid_request");
    expect(errorOf(await app.a.get("/mcp"))).toBe("405 method_not_allowed");
    expect(errorOf(await app.a.send("DELETE", "/mcp"))).toBe("405 method_not_allowed");
  });

  it("tells what is no message of the protocol", async () => {
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect(await send(ping, { "mcp-protocol-version": "2026-07-28" })).toMatchObject({ status: 400 });
    expect(await send(ping, { accept: "application/json" })).toMatchObject({ status: 406 });
    const modern = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    };
    const headersOf = (method: string) => ({ "mcp-protocol-version": "2026-07-28", "mcp-method": method });
    const of = (method: string, params: Json = {}) =>
      send({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: modern } }, headersOf(method));
    expect(await of("prompts/list")).toMatchObject({ status: 404, body: { error: { code: -32_601 } } });
    // It would stay open, and nothing would ever come.
    expect(await of("subscriptions/listen", { notifications: {} })).toMatchObject({
      status: 200,
      body: { error: { message: "Subscription limit reached" } },
    });
  });

  it("is for keys, and for pages of ours: another's page has the cookie but can't send the header", async () => {
    const login = { method: "POST", headers: { "content-type": "application/json" } };
    const body = JSON.stringify({ key: app.a.key });
    const session = await app.app.request("/v1/session", { ...login, body });
    const cookie = (session.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const forged = await app.app.request("/mcp", {
      ...login,
      headers: { ...login.headers, cookie },
      body: "{}",
    });
    expect(errorOf(await read(forged))).toBe("403 csrf_rejected");
  });
});
