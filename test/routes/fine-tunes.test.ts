import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated, seedFineTune, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let url: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/fine-tunes`;
  await seedAnnotated(app, project, 3);
});
afterAll(() => app?.close());

const setStatus = (id: string, status: string) =>
  app.db.execute(sql`update fine_tunes set status = ${status} where id = ${id}`);

describe("POST fine-tunes", () => {
  it("takes {} and queues a job", async () => {
    const answer = await app.a.post(url, {});
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^ft_/),
      object: "fine_tune",
      project_id: project,
      cause: "request",
      status: "queued",
      hyperparameters: {},
      base_version: null,
      seed: 0,
      progress: null,
      version: null,
      error: null,
      engine: null,
      created_at: expect.any(String),
      started_at: null,
      finished_at: null,
      estimated_finish: null,
      stop_requested_at: null,
    });
    expect((await app.a.get(`${url}/${idOf(answer)}`)).body).toEqual(answer.body);
  });

  it("takes hyperparameters, each a value or auto, and a version to start from", async () => {
    await seedVersion(app, project, 1);
    const asked = {
      hyperparameters: { epochs: 5, learning_rate: "auto", loss: "focal_dice" },
      base_version: 1,
      seed: 42,
    };
    expect((await app.a.post(url, asked)).body).toMatchObject(asked);
  });

  it.each([
    [{ hyperparameters: { epochs: 0 } }, "422 hyperparameter_invalid hyperparameters.epochs"],
    [{ hyperparameters: { epochs: 201 } }, "422 hyperparameter_invalid hyperparameters.epochs"],
    [{ hyperparameters: { learning_rate: 0 } }, "422 hyperparameter_invalid hyperparameters.learning_rate"],
    [
      { hyperparameters: { learning_rate: "fast" } },
      "422 hyperparameter_invalid hyperparameters.learning_rate",
    ],
    [{ hyperparameters: { batch_size: 17 } }, "422 hyperparameter_invalid hyperparameters.batch_size"],
    [{ hyperparameters: { loss: "l1" } }, "422 hyperparameter_invalid hyperparameters.loss"],
    [{ hyperparameters: { epoch: 5 } }, "422 hyperparameter_invalid hyperparameters.epoch"],
    [{ base_version: 99 }, "404 version_not_found base_version"],
    [{ base_version: 0 }, "400 invalid_request base_version"],
    [{ seed: -1 }, "400 invalid_request seed"],
    [{ epochs: 5 }, "400 invalid_request epochs"],
  ])("refuses %j", async (json, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.post(url, json))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it.each([
    [0, "0 annotated images", "Annotate 3 more images"],
    [2, "2 annotated images", "Annotate 1 more image."],
  ])("with %i annotated images says what is missing", async (count, have, missing) => {
    const poor = await makeProject(app.a, "poor");
    await seedAnnotated(app, poor, count);
    const answer = await app.a.post(`/v1/projects/${poor}/fine-tunes`, {});
    expect(errorOf(answer)).toBe("422 not_enough_annotations");
    const { message } = answer.body["error"] as { message: string };
    expect(message).toContain(have);
    expect(message).toContain(missing);
    expect((await app.a.get(`/v1/projects/${poor}/fine-tunes`)).body["data"]).toEqual([]);
  });

  it("says that an import is still under way, where it is", async () => {
    const poor = await makeProject(app.a, "poor");
    await app.db.execute(sql`insert into imports (id, workspace_id, project_id, object_key, bytes)
      values ('imp_open', ${app.a.workspaceId}, ${poor}, 'imports/open', 1)`);
    const ask = async () =>
      (await app.a.post(`/v1/projects/${poor}/fine-tunes`, {})).body["error"] as { message: string };
    expect((await ask()).message).toContain("An import is under way: wait until it has ended.");
    await app.db.execute(sql`update imports set status = 'failed' where id = 'imp_open'`);
    expect((await ask()).message).toContain("Annotate 3 more images.");
  });

  it("is not for another workspace", async () => {
    const before = await app.traces();
    expect(errorOf(await app.b.post(url, {}))).toBe("404 project_not_found project_id");
    expect(await app.traces()).toEqual(before);
  });
});

describe("GET fine-tunes", () => {
  it("tells progress and how it ended", async () => {
    const id = await seedFineTune(app, project);
    await app.db
      .execute(sql`update fine_tunes set status = 'running', started_at = now(), engine = 'compiled',
      progress = '{"phase":"train","done":3,"total":10,"etaSeconds":20}' where id = ${id}`);
    const running = (await app.a.get(`${url}/${id}`)).body;
    expect(running).toMatchObject({
      status: "running",
      engine: "compiled",
      progress: { phase: "train", done: 3, total: 10, eta_seconds: 20 },
    });
    expect(Date.parse(String(running["estimated_finish"]))).toBeGreaterThan(Date.now());
    await app.db.execute(sql`update fine_tunes set status = 'failed', finished_at = now(),
      error = '{"code":"internal_error","message":"out of memory"}' where id = ${id}`);
    expect((await app.a.get(`${url}/${id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "internal_error", message: "out of memory" },
      estimated_finish: null,
      finished_at: expect.any(String),
    });
  });

  it("lists newest first, and only to its workspace", async () => {
    const id = await seedFineTune(app, project);
    const { body } = await app.a.get(`${url}?limit=1`);
    expect(body).toMatchObject({ data: [{ id }], has_more: true });
    expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
    expect(errorOf(await app.b.get(`${url}/${id}`))).toBe("404 fine_tune_not_found fine_tune_id");
    const elsewhere = await makeProject(app.a, "elsewhere");
    expect(errorOf(await app.a.get(`/v1/projects/${elsewhere}/fine-tunes/${id}`))).toBe(
      "404 fine_tune_not_found fine_tune_id",
    );
  });
});

describe("POST cancel", () => {
  it.each(["queued", "preparing", "running", "evaluating"])(
    "ends a job that is %s and takes its lease",
    async (status) => {
      const id = await seedFineTune(app, project);
      await app.db.execute(
        sql`update fine_tunes set status = ${status}, lease_token = gen_random_uuid() where id = ${id}`,
      );
      const answer = await app.a.post(`${url}/${id}/cancel`, {});
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ id, status: "cancelled", finished_at: expect.any(String) });
      const [row] = await app.db.execute(sql`select lease_token from fine_tunes where id = ${id}`);
      expect(row?.["lease_token"]).toBeNull();
      expect((await app.a.post(`${url}/${id}/cancel`, {})).body).toEqual(answer.body);
      const { body } = await app.a.get(`${url}/${id}/events`);
      expect(body["data"]).toMatchObject([{ message: "Cancelled", data: { actor: app.a.keyId } }]);
    },
  );

  it.each(["succeeded", "failed"])("comes too late for one that has %s", async (status) => {
    const id = await seedFineTune(app, project);
    await setStatus(id, status);
    expect(errorOf(await app.a.post(`${url}/${id}/cancel`, {}))).toBe("409 fine_tune_finished");
    expect((await app.a.get(`${url}/${id}`)).body["status"]).toBe(status);
  });

  it("is not for another workspace", async () => {
    const id = await seedFineTune(app, project);
    expect(errorOf(await app.b.post(`${url}/${id}/cancel`, {}))).toBe("404 fine_tune_not_found fine_tune_id");
    expect((await app.a.get(`${url}/${id}`)).body["status"]).toBe("queued");
  });
});

describe("POST stop", () => {
  it.each(["running", "evaluating"])("asks a job that is %s to keep what it has, once", async (status) => {
    const id = await seedFineTune(app, project);
    await setStatus(id, status);
    const answer = await app.a.post(`${url}/${id}/stop`, {});
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      id,
      status,
      stop_requested_at: expect.any(String),
      finished_at: null,
    });
    expect((await app.a.post(`${url}/${id}/stop`, {})).body).toEqual(answer.body);
    const { body } = await app.a.get(`${url}/${id}/events`);
    expect(body["data"]).toMatchObject([{ message: "Stop asked for", data: { actor: app.a.keyId } }]);
  });

  it.each(["queued", "preparing"])(
    "is refused while a job is %s: there is nothing to keep",
    async (status) => {
      const id = await seedFineTune(app, project);
      await setStatus(id, status);
      expect(errorOf(await app.a.post(`${url}/${id}/stop`, {}))).toBe("409 fine_tune_not_training");
      expect((await app.a.get(`${url}/${id}`)).body).toMatchObject({ status, stop_requested_at: null });
    },
  );

  it("is taken from a job that waits to go on from a checkpoint", async () => {
    const id = await seedFineTune(app, project);
    await app.db.execute(sql`update fine_tunes set checkpoint_key = 'k' where id = ${id}`);
    expect((await app.a.post(`${url}/${id}/stop`, {})).body).toMatchObject({ status: "queued" });
    expect((await app.a.get(`${url}/${id}`)).body["stop_requested_at"]).not.toBeNull();
  });

  it.each(["succeeded", "failed", "cancelled"])("comes too late for one that has %s", async (status) => {
    const id = await seedFineTune(app, project);
    await setStatus(id, status);
    expect(errorOf(await app.a.post(`${url}/${id}/stop`, {}))).toBe("409 fine_tune_finished");
  });

  it("is not for another workspace", async () => {
    const id = await seedFineTune(app, project);
    await setStatus(id, "running");
    expect(errorOf(await app.b.post(`${url}/${id}/stop`, {}))).toBe("404 fine_tune_not_found fine_tune_id");
    expect((await app.a.get(`${url}/${id}`)).body["stop_requested_at"]).toBeNull();
  });
});
