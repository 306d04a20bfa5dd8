import { afterAll, beforeAll, expect, it } from "vitest";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { createQueue } from "../../src/queue/queue.ts";
import type { Snapshot } from "../../src/training/data/snapshot.ts";
import { startTrainer, type Trainer } from "../../src/jobs/trainer.ts";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng } from "../worlds/images.ts";
import { ringImage } from "../worlds/rings.ts";
import { valuesOf, waitFor } from "../worlds/trainer.ts";

let app: TestApp;
let trainer: Trainer;
beforeAll(async () => {
  app = await testApp();
  // What the database starts by itself leaves all to "auto", which takes minutes; here it means a short run.
  await app.sql`
    alter table fine_tunes
    alter column hyperparameters set default '{"epochs": 2, "batch_size": 2, "learning_rate": 0.0003}'`;
  const { log } = app.services;
  const queue = await createQueue({ databaseUrl: app.databaseUrl, log });
  trainer = await startTrainer(app.services, queue, { engine: "compiled", maxImagesPerProject: 100 });
});
afterAll(async () => {
  await trainer?.stop();
  await app?.close();
});

const rings = [1, 2, 3, 4].map(ringImage);

async function newProject(settings: object): Promise<{ url: string; id: string; images: string[] }> {
  const id = idOf(await app.a.post("/v1/projects", { name: "rings" }));
  const url = `/v1/projects/${id}`;
  const images: string[] = [];
  for (const { image } of rings) {
    const body = Uint8Array.from(await asPng(image));
    images.push(idOf(await app.a.send("POST", `${url}/images`, { body })));
  }
  expect((await app.a.send("PATCH", url, { json: settings })).status).toBe(200);
  return { url, id, images };
}

/** The first fine-tune of a project once it has ended, and its version as the API tells it and with its values. */
async function outcome(project: { url: string; id: string }) {
  const scope = { workspaceId: app.a.workspaceId, projectId: project.id };
  const listed = (await app.a.get(`${project.url}/fine-tunes`)).body as { data: { id: string }[] };
  const { row, events } = await waitFor(app, scope, listed.data[0]?.id ?? "");
  expect(row).toMatchObject({ status: "succeeded", resultVersion: 1 });
  const version = await getTunedVersion(app.db, scope, 1);
  const snapshot = JSON.parse((await app.store.get(version.snapshotKey)).toString()) as Snapshot;
  const { metrics } = (await app.a.get(`${project.url}/versions/1`)).body as {
    metrics: { feedback: object; split: object; held_out: { base: object }; curve: object[] };
  };
  return { row, events, snapshot, metrics, weights: await valuesOf(app, version) };
}

/** How a hand draws: too high, too far to the left, and not all of the bottom. */
const drawn = ([x0, y0, x1, y1]: readonly number[]) =>
  [x0! - 3, y0! - 2, x1! + 1, y1! - 4].map((edge) => Math.max(0, edge));

it("people's corrections start a fine-tune, whose version learnt from their masks and their prompts, and goes live", async () => {
  const project = await newProject({ fine_tune_after_corrections: 3, promotion_policy: "always" });
  const said: { id: string; action: string; prompt: object }[] = [];
  for (const [i, id] of project.images.entries()) {
    const { mask } = rings[i]!;
    const prompt = { box: drawn(boxOf(mask)) };
    const predicted = await app.a.post(`${project.url}/predict`, { image: { id }, prompts: [prompt] });
    expect(predicted.headers.get("x-model-version")).toBe("base");
    const action = i === 1 ? "accept" : "correct";
    const given = await app.a.post(`${project.url}/predictions/${idOf(predicted)}/feedback`, {
      action,
      ...(action === "correct" && { mask: encodeRle(mask) }),
    });
    expect(errorOf(given)).toBe("201");
    said.push({ id: String(given.body["annotation_id"]), action, prompt });
    // Three corrections are wanted, and an acceptance is none.
    const jobs = (await app.a.get(`${project.url}/fine-tunes`)).body["data"] as unknown[];
    expect(jobs).toHaveLength(i < 3 ? 0 : 1);
  }

  const learnt = await outcome(project);
  expect(learnt.row).toMatchObject({ cause: "corrections" });
  expect(learnt.events[0]?.message).toBe("Started by 3 new corrections");
  // The version's data names who said what of which prompt.
  const lineage = learnt.snapshot.annotations.map(({ id, feedback }) => ({
    id,
    action: feedback?.action,
    prompt: feedback?.prompt,
  }));
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  expect(lineage.toSorted(byId)).toEqual(said.toSorted(byId));

  // The same masks from somebody who prompted for nothing: all but the prompts is the same.
  const twin = await newProject({ promotion_policy: "manual" });
  for (const [i, { id }] of said.entries()) {
    const { mask } = (await app.a.get(`${project.url}/annotations/${id}`)).body;
    const made = await app.a.post(`${twin.url}/annotations`, { image_id: twin.images[i], mask });
    expect(made.status).toBe(201);
  }
  expect(
    (await app.a.post(`${twin.url}/fine-tunes`, { hyperparameters: learnt.row.hyperparameters })).status,
  ).toBe(202);
  const silent = await outcome(twin);
  const masks = ({ snapshot }: { snapshot: Snapshot }) =>
    snapshot.annotations.map(({ counts, box }) => ({ counts, box }));
  expect(masks(silent)).toEqual(masks(learnt));
  expect(silent.metrics.split).toEqual(learnt.metrics.split);
  expect(silent.metrics.held_out.base).toEqual(learnt.metrics.held_out.base);
  expect(silent.weights).not.toBe(learnt.weights);

  // Which is told: how many prompts were people's, epoch by epoch and in the version.
  const told = learnt.events.flatMap(({ data }) => ("real_prompts" in data ? [data["real_prompts"]] : []));
  const real = told.reduce<number>((sum, count) => sum + Number(count), 0);
  expect(told).toHaveLength(2);
  expect(real).toBeGreaterThan(0);
  expect(learnt.metrics.feedback).toEqual({ corrected: 2, accepted: 1, prompts: 8, real_prompts: real });
  expect(silent.metrics.feedback).toEqual({ corrected: 0, accepted: 0, prompts: 8, real_prompts: 0 });

  // The version's curve is that of the events, each epoch's interval with it.
  const epochs = learnt.events.filter(({ data }) => "epoch" in data).map(({ data }) => data);
  expect(epochs).toHaveLength(3);
  expect(epochs).toEqual(learnt.metrics.curve.map((at: object): unknown => expect.objectContaining(at)));
  expect(epochs[1]?.["selection_iou_low"]).toBeLessThan(Number(epochs[1]?.["selection_iou_high"]));

  // And round again: what people say of the new version is said of the new version.
  const { mask } = rings[0]!;
  const next = await app.a.post(`${project.url}/predict`, {
    image: { id: project.images[0] },
    prompts: [{ points: [[5, 5, 0]] }],
  });
  expect(next.headers.get("x-model-version")).toBe("1");
  const given = await app.a.post(`${project.url}/predictions/${idOf(next)}/feedback`, {
    action: "correct",
    mask: encodeRle(mask),
  });
  expect(given.body).toMatchObject({ version: 1 });
});
