import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { channels } from "../../src/db/listen.ts";
import { previewLeases } from "../../src/db/queries/leases.ts";
import { fineTunePreviews } from "../../src/db/schema/index.ts";
import type { PreviewResult } from "../../src/domain/preview.ts";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let url: string;
let ask: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/fine-tune-previews`;
  ask = `/v1/projects/${project}/fine-tunes:preview`;
});
afterAll(() => app?.close());

const result: PreviewResult = {
  images: 1,
  annotations: 1,
  groups: 1,
  findings: [
    { code: "too_few_images", severity: "error", message: "Too few.", image_ids: [], annotation_ids: [] },
  ],
  finding_counts: { too_few_images: 1 },
  estimate: null,
  curve: null,
  verdict: { code: "fix_data_first", message: "Fix the data first: Too few." },
};

/** As a trainer ends it. */
async function finish(id: string): Promise<void> {
  const row = await previewLeases.claim(app.db, id);
  if (!row) throw new Error("nothing to claim");
  expect(await previewLeases.succeed(app.db, { id, token: row.leaseToken }, { result })).toMatchObject({
    id,
  });
}

describe("POST fine-tunes:preview", () => {
  it("queues a row and tells the trainers", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const stop = await app.services.listener.watch(channels.previews, (id) => {
      if (id !== null) resolve(id);
    });
    const answer = await app.a.post(ask, { seed: 7 });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^fpv_/),
      object: "fine_tune_preview",
      project_id: project,
      status: "queued",
      seed: 7,
      progress: null,
      result: null,
      error: null,
      created_at: expect.any(String),
      started_at: null,
      finished_at: null,
    });
    expect(await promise).toBe(answer.body["id"]);
    stop();
  });

  it("makes one of the same request with the same Idempotency-Key", async () => {
    const [first, again] = [
      await app.a.post(ask, {}, { "idempotency-key": "once" }),
      await app.a.post(ask, {}, { "idempotency-key": "once" }),
    ];
    expect(idOf(again)).toBe(idOf(first));
  });

  it("waits for the end where the caller prefers that", async () => {
    const waiting = app.a.post(ask, { seed: 30 }, { prefer: "respond-async, wait=30" });
    // It is there before its answer is.
    let id: string | undefined;
    while (id === undefined) {
      const rows = await app.db.select().from(fineTunePreviews).where(eq(fineTunePreviews.seed, 30));
      id = rows[0]?.id;
    }
    await finish(id);
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, status: "succeeded", result });
    expect(answer.headers.get("preference-applied")).toBe("wait=30");
  });

  it("answers with what there is when the wait is over", async () => {
    const answer = await app.a.post(ask, {}, { prefer: "wait=1" });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: "queued" });
    expect(answer.headers.get("preference-applied")).toBe("wait=1");
  });

  it.each([
    [{ seed: -1 }, "400 invalid_request seed"],
    [{ epochs: 3 }, "400 invalid_request epochs"],
  ])("refuses %j", async (body, error) => {
    expect(errorOf(await app.a.post(ask, body))).toBe(error);
  });

  it("is only that path: a neighbour that begins alike is not there", async () => {
    expect((await app.a.post(`/v1/projects/${project}/fine-tunes:previews`, {})).status).toBe(404);
    expect((await app.a.post(`/v1/projects/${project}/fine-tunesX`, {})).status).toBe(404);
  });
});

describe("fine-tune-previews", () => {
  it("shows one with its result, and lists them newest first", async () => {
    const id = idOf(await app.a.post(ask, {}));
    await finish(id);
    expect((await app.a.get(`${url}/${id}`)).body).toMatchObject({ id, status: "succeeded", result });
    const newer = idOf(await app.a.post(ask, {}));
    expect((await app.a.get(`${url}?limit=2`)).body).toMatchObject({
      data: [{ id: newer }, { id }],
      has_more: true,
    });
  });

  it("cancels one, again without harm, but none that has ended", async () => {
    const id = idOf(await app.a.post(ask, {}));
    const row = await previewLeases.claim(app.db, id);
    for (let i = 0; i < 2; i++)
      expect((await app.a.post(`${url}/${id}/cancel`, {})).body).toMatchObject({ id, status: "cancelled" });
    // Whoever worked at it can write nothing more.
    expect(await previewLeases.succeed(app.db, { id, token: row?.leaseToken ?? "" }, { result })).toBeNull();
    const ended = idOf(await app.a.post(ask, {}));
    await finish(ended);
    expect(errorOf(await app.a.post(`${url}/${ended}/cancel`, {}))).toBe("409 preview_finished preview_id");
  });

  it("goes with its project", async () => {
    const doomed = await makeProject(app.a);
    const id = idOf(await app.a.post(`/v1/projects/${doomed}/fine-tunes:preview`, {}));
    expect((await app.a.send("DELETE", `/v1/projects/${doomed}`)).status).toBe(200);
    expect(await app.db.select().from(fineTunePreviews).where(eq(fineTunePreviews.id, id))).toEqual([]);
  });

  it("is nobody else's", async () => {
    const id = idOf(await app.a.post(ask, {}));
    expect(errorOf(await app.b.post(ask, {}))).toBe("404 project_not_found project_id");
    expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
    expect(errorOf(await app.b.get(`${url}/${id}`))).toBe("404 preview_not_found preview_id");
    expect(errorOf(await app.b.post(`${url}/${id}/cancel`, {}))).toBe("404 preview_not_found preview_id");
    expect((await app.a.get(`${url}/${id}`)).body).toMatchObject({ status: "queued" });
  });
});
