import { finder, finderFile, finds } from "./finder-fixtures.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { liveHistory } from "../../src/db/queries/promotions.ts";
import type { Evaluation } from "../../src/domain/evaluation.ts";
import type { GateDecision } from "../../src/domain/gate.ts";
import type { VersionLatency, VersionServing } from "../../src/domain/serving.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { promptMetrics } from "../worlds/evaluation.ts";

let app: TestApp;
let project: string;
let url: string;
const weights = Buffer.from("the weights of version 1");
const evaluation: Evaluation = {
  prompts: [promptMetrics("click_refine")],
  perImage: [{ imageId: "img_1", kind: "box", annotations: 2, baseIou: 0.2, tunedIou: 0.6 }],
  examples: { best: "ann_1", median: "ann_2", worst: "ann_3" },
};
const gate: GateDecision = {
  policy: "manual",
  promote: false,
  reason: "promotion is manual here",
  warnings: ["one_click loses"],
};
const latency: VersionLatency = {
  prompts: 4,
  box: { warmMs: 80, baseWarmMs: 64, ratio: 1.25, coldMs: 700, encodes: 1 },
  click: { warmMs: 96, baseWarmMs: 64, ratio: 1.5, coldMs: 720, encodes: 1 },
};
const serving: VersionServing = {
  asked: "interactive",
  counted: { box: { warm: 1.2, encodes: 1 }, click: { warm: 1.3, encodes: 1 } },
  givenUp: {
    zoom: { context: 1.5, tiles: 2, click_side: 60 },
    refinedBy: "points",
    meanIou: 0.75,
    ownMeanIou: 0.7,
    samples: 12,
  },
  interactiveTwin: null,
};
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}`;
  await app.store.put(finder.key, finderFile);
  await seedVersion(app, project, 1, weights, { evaluation, finder: finds, gate, latency, serving }, finder);
  await seedVersion(app, project, 2);
  await seedVersion(app, project, 3);
});
afterAll(() => app?.close());

const active = async (of = url): Promise<unknown> => (await app.a.get(of)).body["active_version"];

describe("GET versions", () => {
  it("lists them, highest first, page by page", async () => {
    const first = await app.a.get(`${url}/versions?limit=2`);
    expect(first.body).toMatchObject({ data: [{ number: 3 }, { number: 2 }], has_more: true });
    const next = await app.a.get(`${url}/versions?limit=2&cursor=${String(first.body["next_cursor"])}`);
    expect(next.body).toMatchObject({ data: [{ number: 1 }], has_more: false, next_cursor: null });
  });

  it("tells its metrics beside the base's, and where it came from", async () => {
    const { body } = await app.a.get(`${url}/versions/1`);
    expect(body).toMatchObject({
      object: "version",
      number: 1,
      status: "inactive",
      parent_version: null,
      hyperparameters: { epochs: 20, loss: "dice_bce" },
      snapshot_hash: sha256("snapshot"),
      weights: { sha256: sha256(weights), bytes: weights.length },
      metrics: {
        held_out: {
          images: 2,
          annotations: 3,
          base: { mean_iou: 0.25, mean_dice: 0.4 },
          tuned: { mean_iou: 0.5, mean_dice: 0.66 },
          // Not measured by itself, and no other than what is served.
          decoder_alone: { mean_iou: 0.5, mean_dice: 0.66 },
        },
        split: { train: 8, selection: 2, held_out: 2, near_duplicates: 0 },
        // The band is null where a version of before has none.
        curve: [
          {
            epoch: 0,
            train_loss: null,
            selection_iou: 0.25,
            selection_iou_low: null,
            selection_iou_high: null,
          },
          { epoch: 1, train_loss: 0.7, selection_iou: 0.5, selection_iou_low: 0.4, selection_iou_high: 0.6 },
        ],
        per_annotation: [{ image_id: "img_1", annotation_id: "ann_1", base_iou: 0.2, tuned_iou: 0.6 }],
      },
    });
  });

  it("tells how it does by each kind of prompt, with intervals; image by image only when asked alone", async () => {
    const [prompt] = evaluation.prompts;
    const { body } = await app.a.get(`${url}/versions/1`);
    expect((body["metrics"] as Record<string, unknown>)["evaluation"]).toEqual({
      prompts: [
        {
          kind: "click_refine",
          annotations: 3,
          groups: 2,
          base: { mean_iou: 0.25, mean_dice: 0.4, mean_boundary_iou: 0.1, calibration_error: 0.3 },
          tuned: { mean_iou: 0.5, mean_dice: 0.66, mean_boundary_iou: 0.2, calibration_error: 0.25 },
          gain: {
            iou: prompt?.gain.iou,
            dice: prompt?.gain.dice,
            boundary_iou: { mean: 0.1, low: null, high: null },
          },
        },
      ],
      examples: evaluation.examples,
      per_image: [{ image_id: "img_1", kind: "box", annotations: 2, base_iou: 0.2, tuned_iou: 0.6 }],
    });
    const list = (await app.a.get(`${url}/versions`)).body["data"] as {
      number: number;
      metrics: { evaluation?: Record<string, unknown>; per_annotation?: unknown };
    }[];
    const inList = list.find(({ number }) => number === 1)?.metrics;
    expect(Object.keys(inList?.evaluation ?? {})).toEqual(["prompts", "examples"]);
    expect(list.find(({ number }) => number === 2)?.metrics).not.toHaveProperty("evaluation");
  });

  it("tells what the gate said", async () => {
    const told = async (number: number) =>
      (await app.a.get(`${url}/versions/${number}`)).body["metrics"] as Record<string, unknown>;
    expect((await told(1))["gate"]).toEqual(gate);
    expect(await told(2)).not.toHaveProperty("gate");
  });

  it("tells what an answer takes beside the base's, and what was given up for it", async () => {
    const told = async (number: number) =>
      (await app.a.get(`${url}/versions/${number}`)).body["metrics"] as Record<string, unknown>;
    expect(await told(1)).toMatchObject({
      latency: {
        prompts: 4,
        box: { warm_ms: 80, base_warm_ms: 64, ratio: 1.25, cold_ms: 700, encodes: 1 },
        click: { warm_ms: 96, base_warm_ms: 64, ratio: 1.5, cold_ms: 720, encodes: 1 },
      },
      serving: {
        asked: "interactive",
        counted: { box: { warm: 1.2, encodes: 1 }, click: { warm: 1.3, encodes: 1 } },
        given_up: {
          zoom: { context: 1.5, tiles: 2, click_side: 60 },
          refined_by: "points",
          mean_iou: 0.75,
          own_mean_iou: 0.7,
          samples: 12,
        },
        interactive_twin: null,
      },
    });
    expect(await told(2)).not.toHaveProperty("latency");
  });

  it("tells what it finds by itself, and how well", async () => {
    const told = async (number: number) => (await app.a.get(`${url}/versions/${number}`)).body;
    const { finder: mine, metrics } = await told(1);
    expect(mine).toEqual({ labels: ["stamp", null], threshold: 0.4, pool: 2 });
    // The names of the domain are those of the wire, but for two.
    const wire = JSON.parse(
      JSON.stringify(finds).replaceAll("meanIou", "mean_iou").replace("emptyImages", "empty_images"),
    ) as object;
    expect(metrics).toMatchObject({ finder: wire });
    expect((await told(2))["finder"]).toBeNull();
    expect((await told(2))["metrics"]).not.toHaveProperty("finder");
  });

  it.each([
    ["versions/9", "404 version_not_found version"],
    ["versions/0", "400 invalid_request number"],
    ["versions/99999999999", "400 invalid_request number"],
    ["versions/one", "400 invalid_request number"],
  ])("%s is refused", async (path, error) => {
    expect(errorOf(await app.a.get(`${url}/${path}`))).toBe(error);
  });

  it("is nobody else's", async () => {
    for (const path of ["versions", "versions/1", "versions/1/export", "promotions"]) {
      expect(errorOf(await app.b.get(`${url}/${path}`))).toBe("404 project_not_found project_id");
    }
    for (const path of ["versions/1/promote", "rollback"]) {
      expect(errorOf(await app.b.post(`${url}/${path}`, {}))).toBe("404 project_not_found project_id");
    }
    expect(await active()).toBeNull();
  });
});

describe("promote and rollback", () => {
  it("change what is live, walk back through time, and leave an audit trail", async () => {
    const promote = (version: number | string, reason?: string) =>
      app.a.post(`${url}/versions/${version}/promote`, reason === undefined ? {} : { reason });
    const rollback = () => app.a.send("POST", `${url}/rollback`);

    expect(errorOf(await rollback())).toBe("409 nothing_to_roll_back");
    expect((await promote(1, "first try")).body).toMatchObject({
      object: "promotion",
      kind: "promote",
      from_version: null,
      to_version: 1,
      actor: app.a.keyId,
      reason: "first try",
    });
    expect(errorOf(await promote(1))).toBe("409 version_already_active version");
    expect(errorOf(await promote(9))).toBe("404 version_not_found version");
    await promote(2);
    expect(await active()).toBe(2);
    expect((await app.a.get(`${url}/versions/2`)).body["status"]).toBe("active");

    expect((await rollback()).body).toMatchObject({ kind: "rollback", from_version: 2, to_version: 1 });
    await promote(3);
    expect((await rollback()).body).toMatchObject({ from_version: 3, to_version: 1 });
    expect((await rollback()).body).toMatchObject({ from_version: 1, to_version: null });
    expect(await active()).toBeNull();
    expect(errorOf(await rollback())).toBe("409 nothing_to_roll_back");

    await promote(2);
    expect((await promote("base")).body).toMatchObject({ from_version: 2, to_version: null });
    expect((await rollback()).body).toMatchObject({ from_version: null, to_version: 2 });

    const { body } = await app.a.get(`${url}/promotions`);
    const trail = body["data"] as { from_version: number | null; to_version: number | null }[];
    expect(trail.length).toBe(9);
    // Each change starts where the one before it ended.
    for (const [i, change] of trail.slice(0, -1).entries()) {
      expect(change.from_version).toBe(trail[i + 1]?.to_version);
    }
  });

  it("leave one trail when many promote at once", async () => {
    const busy = await makeProject(app.a, "busy");
    for (const number of [1, 2, 3, 4]) await seedVersion(app, busy, number);
    const path = `/v1/projects/${busy}`;
    await Promise.all([1, 2, 3, 4].map((n) => app.a.post(`${path}/versions/${n}/promote`, {})));
    const { body } = await app.a.get(`${path}/promotions`);
    const trail = body["data"] as { from_version: number | null; to_version: number | null }[];
    expect(trail.length).toBe(4);
    expect(trail[0]?.to_version).toBe(await active(path));
    for (const [i, change] of trail.slice(0, -1).entries()) {
      expect(change.from_version).toBe(trail[i + 1]?.to_version);
    }
    expect(trail.at(-1)?.from_version).toBeNull();
  });
});

describe("liveHistory", () => {
  it("drops what a rollback left, so that the next one goes further back", () => {
    const to = (kind: "promote" | "rollback" | "auto", toVersion: number | null) => ({ kind, toVersion });
    expect(liveHistory([])).toEqual([null]);
    expect(liveHistory([to("auto", 1), to("promote", 2), to("rollback", 1)])).toEqual([null, 1]);
    expect(liveHistory([to("auto", 1), to("promote", 2), to("rollback", 1), to("auto", 3)])).toEqual([
      null,
      1,
      3,
    ]);
  });
});
