import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { makeProject, seedAnnotated, seedEmbedding, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

describe("POST /v1/projects", () => {
  it("makes a project on the default base model", async () => {
    const answer = await app.a.post("/v1/projects", { name: "  stamps " });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^prj_[0-9a-z]{26}$/),
      object: "project",
      name: "stamps",
      base_model: "mobile_sam",
      base_choice: null,
      active_version: null,
      promotion_policy: "auto",
      fine_tune_after_corrections: null,
      prediction_retention_days: 90,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("leaves the base model to the first fine-tune where it is auto", async () => {
    const answer = await app.a.post("/v1/projects", { name: "stamps", base_model: "auto" });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      base_model: "mobile_sam",
      base_choice: { fine_tune_id: null, tried: [], not_tried: [], annotations: 0 },
    });
  });

  it.each([
    [{}, "400 invalid_request name"],
    [{ name: "" }, "400 invalid_request name"],
    [{ name: "x".repeat(201) }, "400 invalid_request name"],
    [{ name: 7 }, "400 invalid_request name"],
    [{ name: "a\u0000b" }, "400 invalid_request name"],
    [{ name: "half a pair \ud800" }, "400 invalid_request name"],
    [{ name: "x", colour: "red" }, "400 invalid_request colour"],
    [{ name: "x", promotion_policy: "never" }, "400 invalid_request promotion_policy"],
    [{ name: "x", base_model: "sam_9" }, "422 base_model_unknown base_model"],
  ])("refuses %j", async (json, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.post("/v1/projects", json))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("names auto among the base models where it refuses one", async () => {
    const { body } = await app.a.post("/v1/projects", { name: "x", base_model: "Auto" });
    expect(body["error"]).toMatchObject({
      code: "base_model_unknown",
      message: expect.stringMatching(/"Auto" is unknown; there are: .*mobile_sam.*; or auto, /),
    });
  });
});

describe("GET /v1/projects", () => {
  it("pages through the caller's own, newest first", async () => {
    const other = await testApp();
    try {
      const made: string[] = [];
      for (const name of ["one", "two", "three", "four", "five"]) made.push(await makeProject(other.a, name));
      await makeProject(other.b, "not yours");
      const seen: string[] = [];
      let cursor = "";
      for (let page = 0; page < 3; page++) {
        const { body } = await other.a.get(`/v1/projects?limit=2${cursor}`);
        seen.push(...(body["data"] as { id: string }[]).map(({ id }) => id));
        expect(body).toMatchObject({ object: "list", has_more: page < 2 });
        cursor = `&cursor=${String(body["next_cursor"])}`;
      }
      expect(seen).toEqual(made.toReversed());
      expect(cursor).toBe("&cursor=null");
    } finally {
      await other.close();
    }
  });

  it.each([
    ["limit=0", "400 invalid_request limit"],
    ["limit=101", "400 invalid_request limit"],
    ["limit=two", "400 invalid_request limit"],
    ["cursor=nonsense", "400 invalid_request cursor"],
    [
      `cursor=${Buffer.from('["0000-01-01T00:00:00.000Z","x"]').toString("base64url")}`,
      "400 invalid_request cursor",
    ],
    [
      `cursor=${Buffer.from('["2026-01-01T00:00:00Z", "\\u0000"]').toString("base64url")}`,
      "400 invalid_request cursor",
    ],
    [`cursor=${Buffer.from('["now()", "x"]').toString("base64url")}`, "400 invalid_request cursor"],
  ])("refuses ?%s", async (query, error) => {
    expect(errorOf(await app.a.get(`/v1/projects?${query}`))).toBe(error);
  });
});

describe("one project", () => {
  it("is read and renamed", async () => {
    const id = await makeProject(app.a, "old");
    const renamed = await app.a.send("PATCH", `/v1/projects/${id}`, { json: { name: "new" } });
    expect(renamed.body).toMatchObject({ id, name: "new" });
    expect((await app.a.get(`/v1/projects/${id}`)).body).toEqual(renamed.body);
  });

  it("changes its promotion policy, which it may be made with, and keeps its name", async () => {
    const made = await app.a.post("/v1/projects", { name: "careful", promotion_policy: "manual" });
    expect(made.body["promotion_policy"]).toBe("manual");
    const path = `/v1/projects/${idOf(made)}`;
    const changed = await app.a.send("PATCH", path, { json: { promotion_policy: "always" } });
    expect(changed.body).toMatchObject({ name: "careful", promotion_policy: "always" });
    const renamed = await app.a.send("PATCH", path, { json: { name: "careless" } });
    expect(renamed.body).toMatchObject({ name: "careless", promotion_policy: "always" });
    expect((await app.a.get(path)).body).toEqual(renamed.body);
  });

  it.each([
    [{}, "400 invalid_request name"],
    [{ promotion_policy: "never" }, "400 invalid_request promotion_policy"],
    [{ base_model: "mobile_sam" }, "400 invalid_request base_model"],
  ])("can't be changed by %j", async (json, error) => {
    const id = await makeProject(app.a, "same");
    const before = (await app.a.get(`/v1/projects/${id}`)).body;
    expect(errorOf(await app.a.send("PATCH", `/v1/projects/${id}`, { json }))).toBe(error);
    expect((await app.a.get(`/v1/projects/${id}`)).body).toEqual(before);
  });

  it("is not another workspace's to change", async () => {
    const id = await makeProject(app.a, "mine");
    const answer = await app.b.send("PATCH", `/v1/projects/${id}`, { json: { promotion_policy: "always" } });
    expect(errorOf(answer)).toBe("404 project_not_found project_id");
    expect((await app.a.get(`/v1/projects/${id}`)).body["promotion_policy"]).toBe("auto");
  });

  it("is deleted with all that belongs to it, objects too, and nothing of another project", async () => {
    const kept = await makeProject(app.a, "kept");
    await seedVersion(app, kept, 1);
    const before = await app.traces();
    const id = await makeProject(app.a, "doomed");
    await seedAnnotated(app, id, 2);
    await seedVersion(app, id, 1);
    await app.a.post(`/v1/projects/${id}/versions/1/promote`, {});
    expect(((await app.traces())["objects"] as string[]).length).toBe(
      (before["objects"] as string[]).length + 1,
    );
    const answer = await app.a.send("DELETE", `/v1/projects/${id}`);
    expect(answer.body).toEqual({ id, object: "project", deleted: true });
    expect(await app.traces()).toEqual(before);
    expect(errorOf(await app.a.get(`/v1/projects/${id}`))).toBe("404 project_not_found project_id");
  });

  it("takes the embeddings of its images along, but not those that another project has use for", async () => {
    const [kept, doomed] = [await makeProject(app.a, "kept"), await makeProject(app.a, "doomed")];
    const upload = async (project: string, seed: number): Promise<string> => {
      const body = Uint8Array.from(await asPng(noiseImage(60, 40, seed)));
      const image = await app.a.send("POST", `/v1/projects/${project}/images`, { body });
      return seedEmbedding(app, String(image.body["sha256"]));
    };
    const shared = await upload(kept, 1);
    const own = await upload(doomed, 2);
    const body = Uint8Array.from(await asPng(noiseImage(60, 40, 1)));
    await app.a.send("POST", `/v1/projects/${doomed}/images`, { body });
    await app.a.send("DELETE", `/v1/projects/${doomed}`);
    expect(await app.store.stat(own)).toBeNull();
    expect(await app.store.stat(shared)).not.toBeNull();
  });

  it("is not there for another workspace, just as one that never was", async () => {
    const id = idOf(await app.a.post("/v1/projects", { name: "mine" }));
    for (const path of [id, "prj_00000000000000000000000000", "'; drop table projects; --"]) {
      const url = `/v1/projects/${encodeURIComponent(path)}`;
      expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
      expect(errorOf(await app.b.send("PATCH", url, { json: { name: "taken" } }))).toBe(
        "404 project_not_found project_id",
      );
      expect(errorOf(await app.b.send("DELETE", url))).toBe("404 project_not_found project_id");
    }
    expect((await app.a.get(`/v1/projects/${id}`)).body).toMatchObject({ name: "mine" });
  });
});
