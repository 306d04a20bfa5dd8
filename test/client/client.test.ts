import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMaskwright, type Maskwright, MaskwrightError } from "maskwright/client";
import { sql } from "../../src/db/drizzle.ts";
import { type ApiDocument, clientTypes } from "../../tools/client-types.ts";
import { pythonTypes } from "../../tools/python-types.ts";
import { overHttp, read, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { seedFineTune } from "../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const live = async (use: (client: Maskwright, origin: string) => Promise<void>) =>
  overHttp(app.app, async (url) => use(createMaskwright({ url, key: app.a.key }), url));

describe("the client's types", () => {
  it("are those of the served document", async () => {
    const { body } = await read(await app.app.request("/openapi.json"));
    await expect(clientTypes(body as unknown as ApiDocument)).toMatchFileSnapshot(
      "../../src/client/schema.ts",
    );
  });

  it("are those of the served document in Python, too", async () => {
    const { body } = await read(await app.app.request("/openapi.json"));
    await expect(pythonTypes(body as unknown as ApiDocument)).toMatchFileSnapshot(
      "../../python/src/maskwright/models.py",
    );
  });
});

describe("the client, over HTTP", () => {
  it("makes a project, uploads an image and predicts", async () => {
    await live(async (client) => {
      const project = await client.post("/v1/projects", { body: { name: "discs" } });
      expect(project).toMatchObject({ object: "project", name: "discs" });
      const { image } = discImage(96, 64, { x: 48, y: 32, radius: 20 });
      const file = new Blob([Uint8Array.from(await asPng(image))], { type: "image/png" });
      const uploaded = await client.uploadImage(project.id, file, { fileName: "disc.png", group: "g" });
      expect(uploaded).toMatchObject({ width: 96, height: 64, file_name: "disc.png", group: "g" });
      const params = { path: { project_id: project.id } };
      const answer = await client.post("/v1/projects/{project_id}/predict", {
        params,
        body: { image: { id: uploaded.id }, prompts: [{ box: [28, 12, 68, 52] }] },
      });
      const [mask] = answer.results[0]?.predictions[0]?.masks ?? [];
      expect(mask?.area).toBeGreaterThan(1000);
      const listed = [];
      for await (const one of client.all((cursor) =>
        client.get("/v1/projects", { params: { query: { limit: 1, ...(cursor && { cursor }) } } }),
      ))
        listed.push(one.name);
      expect(listed).toEqual(["discs"]);
      const gone = await client.delete("/v1/projects/{project_id}", { params });
      expect(gone.deleted).toBe(true);
    });
  });

  it("throws what the API says", async () => {
    await live(async (client) => {
      const asked = client.get("/v1/projects/{project_id}", { params: { path: { project_id: "prj_none" } } });
      await expect(asked).rejects.toThrow(MaskwrightError);
      await expect(asked).rejects.toMatchObject({
        status: 404,
        code: "project_not_found",
        param: "project_id",
        requestId: expect.stringMatching(/^req_/),
      });
      const file = new Blob(["no image"]);
      await expect(client.uploadImage("prj_none", file)).rejects.toMatchObject({ code: "project_not_found" });
    });
  });

  it("sends again what a busy server or a broken line left undone, and makes one thing of it", async () => {
    await overHttp(app.app, async (url) => {
      const seen: string[] = [];
      const flaky: typeof fetch = async (input, init) => {
        const request = new Request(input, init);
        seen.push(request.headers.get("idempotency-key") ?? "none");
        if (seen.length === 1) return new Response(null, { status: 503, headers: { "retry-after": "0" } });
        const response = await fetch(request);
        // The work was done, and the answer got lost.
        if (seen.length === 2) throw new TypeError("fetch failed");
        return response;
      };
      const client = createMaskwright({ url, key: app.b.key, fetch: flaky });
      const project = await client.post("/v1/projects", { body: { name: "once" } });
      expect(new Set(seen).size).toBe(1);
      expect(seen).toHaveLength(3);
      const { body } = await app.b.get("/v1/projects");
      expect(body["data"]).toMatchObject([{ id: project.id }]);
    });
  });

  it("follows a fine-tune to its end, over streams that break off", async () => {
    const project = (await app.a.post("/v1/projects", { name: "followed" })).body["id"] as string;
    const id = await seedFineTune(app, project);
    const tell = (message: string) =>
      app.db.execute(
        sql`insert into fine_tune_events (workspace_id, fine_tune_id, level, type, message)
          values (${app.a.workspaceId}, ${id}, 'info', 'message', ${message})`,
      );
    await tell("one");
    await overHttp(app.app, async (url) => {
      let streams = 0;
      const breaking: typeof fetch = async (input, init) => {
        const response = await fetch(input, init);
        streams++;
        if (streams > 1 || !response.body) return response;
        // The first stream ends within its second message.
        await tell("two");
        await app.a.post(`/v1/projects/${project}/fine-tunes/${id}/cancel`, {});
        const text = await response.text();
        const second = text.indexOf("event:", text.indexOf("event:") + 1);
        return new Response(text.slice(0, second + 20), { headers: response.headers });
      };
      const client = createMaskwright({ url, key: app.a.key, fetch: breaking });
      const told: string[] = [];
      for await (const one of client.follow(project, id))
        told.push(one.type === "end" ? one.fineTune.status : one.event.message);
      expect(told).toEqual(["one", "two", "Cancelled", "cancelled"]);
      expect(streams).toBe(2);
      expect((await client.wait(project, id)).status).toBe("cancelled");
    });
  });
});
