import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { autoLabelLeases } from "../../src/db/queries/leases.ts";
import { images, projects } from "../../src/db/schema/index.ts";
import { giveUpAutoLabel } from "../../src/jobs/auto-label/run.ts";
import { AppError } from "../../src/lib/errors.ts";
import { ProcessDied } from "../../src/queue/jobs.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { rectangleRle, seedVersion } from "../helpers/seeds.ts";
import { finder, finding, findingProject, withProposals } from "../worlds/auto-label.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

describe("an auto-label", () => {
  it("looks at the images without annotations, oldest first, and tells what it has done", async () => {
    const { images: all, url, start, run, jobOf, rows, marks } = await findingProject(app, 5);
    const [first, annotated, empty, , last] = all as [string, string, string, string, string];
    const mask = rectangleRle([2, 2, 6, 6]);
    await app.a.post(`${url}/annotations`, { image_id: annotated, mask });
    await app.db.update(images).set({ knownEmpty: true }).where(eq(images.id, empty));
    const answer = await start({ threshold: 0.25, max_objects: 7, labels: ["Stamps", null, "stamp"] });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      status: "queued",
      version: 1,
      progress: null,
      labels: ["stamp", null],
    });
    const inference = finding((look) => (look === 2 ? [] : [{}, { label: null, at: [8, 2, 9, 3] }]));
    await run(idOf(answer), inference);
    expect(inference.asked).toHaveLength(3);
    expect(inference.asked[0]).toMatchObject({
      workspaceId: app.a.workspaceId,
      baseModel: "mobile_sam",
      image: { size: [10, 20] },
      versions: [{ number: 1, finder }],
      asks: [{ labels: ["stamp", null] }],
      threshold: 0.25,
      most: 7,
    });
    expect(await jobOf(idOf(answer))).toMatchObject({
      status: "succeeded",
      progress: { done: 3, total: 3, eta_seconds: null },
      found: 4,
      skipped: 0,
      failed: 0,
      error: null,
    });
    expect((await rows()).map(({ imageId, label, status }) => [imageId, label, status])).toEqual([
      [first, null, "pending"],
      [first, "stamp", "pending"],
      [last, null, "pending"],
      [last, "stamp", "pending"],
    ]);
    expect(await marks()).toHaveLength(1);
  });

  it("counts what max_objects leaves out", async () => {
    const { start, run, jobOf } = await findingProject(app, 2);
    const job = idOf(await start({ max_objects: 2 }));
    await run(
      job,
      finding((look) => Array.from({ length: look === 1 ? 5 : 2 }, () => ({}))),
    );
    expect(await jobOf(job)).toMatchObject({ status: "succeeded", found: 4, left_out: 3 });
  });

  it("goes on where its process died, and doubles nothing", async () => {
    const { images: all, start, run, jobOf, rows } = await findingProject(app, 4);
    const job = idOf(await start());
    // As a process that is killed while it looks at the third image.
    const dying = finding((look) => (look < 3 ? [{}] : new Promise<never>(() => {})));
    const reached = Promise.withResolvers<void>();
    const { find } = dying;
    void run(job, {
      ...dying,
      find: (request) => (dying.asked.length === 2 && reached.resolve(), find(request)),
    });
    await reached.promise;
    expect(await jobOf(job)).toMatchObject({ status: "running", progress: { done: 2, total: 4 }, found: 2 });
    const next = finding();
    await run(job, next);
    expect(next.asked).toHaveLength(2);
    expect((await rows()).map(({ imageId }) => imageId)).toEqual(all);
    expect(await jobOf(job)).toMatchObject({
      status: "succeeded",
      progress: { done: 4, total: 4 },
      found: 4,
    });
  });

  it("writes nothing more once another attempt holds it, or it is cancelled", async () => {
    const { url, start, run, jobOf, rows } = await findingProject(app, 3);
    const job = idOf(await start());
    const replaced = finding(async () => {
      await autoLabelLeases.claim(app.db, job);
      return [{}];
    });
    await run(job, replaced);
    expect([replaced.asked.length, await rows()]).toEqual([1, []]);
    const cancelled = finding(async (look) => {
      if (look === 2) expect((await app.a.post(`${url}/auto-label/${job}/cancel`, {})).status).toBe(200);
      return [{}];
    });
    await run(job, cancelled);
    expect(await rows()).toHaveLength(1);
    expect(await jobOf(job)).toMatchObject({
      status: "cancelled",
      found: 1,
      progress: { done: 1, total: 3 },
    });
    expect(errorOf(await app.a.post(`${url}/auto-label/${job}/cancel`, {}))).toBe("200");
    const ended = idOf(await start());
    await run(ended);
    expect(errorOf(await app.a.post(`${url}/auto-label/${ended}/cancel`, {}))).toBe(
      "409 auto_label_finished auto_label_id",
    );
  });

  it("is given back when the trainer stops", async () => {
    const { start, run, jobOf } = await findingProject(app, 2);
    const job = idOf(await start());
    const stop = new AbortController();
    const stopping = finding((look) => {
      if (look === 2) stop.abort(new Error("the process stops"));
      stop.signal.throwIfAborted();
      return [{}];
    });
    await expect(run(job, stopping, stop.signal)).rejects.toThrow("the process stops");
    expect(await jobOf(job)).toMatchObject({ status: "queued", progress: { done: 1, total: 2 } });
  });

  it("counts what was deleted or annotated meanwhile, and what can't be read, and goes on", async () => {
    const { images: all, url, start, run, jobOf, rows } = await findingProject(app, 6);
    const job = idOf(await start());
    const [, deleted, unreadable, annotated, later] = all as [string, string, string, string, string, string];
    const remove = (id: string) => app.a.send("DELETE", `${url}/images/${id}`);
    const inference = finding(async (look) => {
      if (look === 1) await remove(later);
      if (look === 2) await remove(deleted);
      if (look === 3) throw new AppError("image_unreadable", "no picture");
      if (look === 4)
        await app.a.post(`${url}/annotations`, { image_id: annotated, mask: rectangleRle([2, 2, 6, 6]) });
      return [{}];
    });
    await run(job, inference);
    expect(inference.asked).toHaveLength(5);
    expect((await rows()).map(({ imageId }) => imageId)).toEqual([all[0], all[5]]);
    expect(await jobOf(job)).toMatchObject({
      status: "succeeded",
      progress: { done: 6, total: 6 },
      found: 2,
      skipped: 3,
      failed: 1,
      failures: [{ image_id: unreadable, code: "image_unreadable", message: "no picture" }],
    });
  });

  it("fails where it can look at no image, and is run again where that may help", async () => {
    const { start, run, jobOf, images: all } = await findingProject(app, 2);
    const job = idOf(await start());
    const busy = () => Promise.reject(new AppError("overloaded", "busy"));
    await expect(run(job, finding(busy))).rejects.toThrow("busy");
    expect(await jobOf(job)).toMatchObject({ status: "queued", failed: 0 });
    const broken = () => Promise.reject(new AppError("object_corrupted", "the disk at /secret is gone"));
    await run(job, finding(broken));
    const { error, status } = await jobOf(job);
    expect([status, error]).toEqual([
      "failed",
      {
        code: "object_corrupted",
        message: `None of 2 images could be looked at. The first, ${all[0]}: The image's bytes can't be read.`,
      },
    ]);
    const died = idOf(await start());
    await autoLabelLeases.claim(app.db, died);
    await giveUpAutoLabel(app.services, died, 2, new ProcessDied(2));
    expect(await jobOf(died)).toMatchObject({ status: "failed", error: { code: "process_ended_twice" } });
  });

  it("takes the place of what an earlier one has found and nobody has decided on", async () => {
    const { url, start, run, rows, proposed } = await withProposals(app, 2);
    const [one, two] = proposed.map(({ id }) => id) as [string, string];
    await app.a.post(`${url}/proposals/${one}/reject`, {});
    await run(idOf(await start()));
    const after = await rows();
    expect(after).toHaveLength(3);
    expect(after.map(({ id }) => id)).toContain(one);
    expect(after.map(({ id }) => id)).not.toContain(two);
  });

  it("is taken from the queue, and waited for where the caller prefers that", async () => {
    const { url, run, jobOf } = await findingProject(app, 1);
    const queue = await createQueue({ databaseUrl: app.databaseUrl, log: app.services.log });
    try {
      await queue.work("auto_label", ({ id }) => run(id));
      const answer = await app.a.post(`${url}/auto-label`, {}, { prefer: "wait=30" });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ status: "succeeded", found: 1 });
      expect(await jobOf(idOf(answer))).toEqual(answer.body);
    } finally {
      await queue.stop();
    }
  });
});

describe("POST auto-label", () => {
  it.each([
    [{ version: "base" }, "422 finder_missing version"],
    [{ version: 2 }, "422 finder_missing version"],
    [{ version: 3 }, "404 version_not_found version"],
    [{ labels: ["stamp", "coin"] }, "422 label_unknown labels[1]"],
    [{ labels: [] }, "400 invalid_request labels"],
    [{ threshold: 1.5 }, "400 invalid_request threshold"],
    [{ max_objects: 1001 }, "400 invalid_request max_objects"],
    [{ limit: 1 }, "400 invalid_request limit"],
  ])("refuses %j", async (body, error) => {
    const { id, start } = await findingProject(app, 0);
    await seedVersion(app, id, 2);
    expect(errorOf(await start(body))).toBe(error);
    if (error.includes("finder"))
      await app.db.update(projects).set({ activeVersion: null }).where(eq(projects.id, id));
    if (error.includes("finder")) expect(errorOf(await start())).toBe(error);
  });

  it("starts one at a time, and the same one for the same Idempotency-Key", async () => {
    const { url, start } = await findingProject(app, 1);
    const twice = () => app.a.post(`${url}/auto-label`, {}, { "idempotency-key": "once" });
    const job = idOf(await twice());
    expect(idOf(await twice())).toBe(job);
    expect(errorOf(await start())).toBe("409 auto_label_running");
    await app.a.post(`${url}/auto-label/${job}/cancel`, {});
    const next = idOf(await start());
    expect((await app.a.get(`${url}/auto-label?limit=1`)).body).toMatchObject({
      data: [{ id: next }],
      has_more: true,
    });
  });
});
