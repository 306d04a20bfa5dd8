import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { proposals } from "../../src/db/schema/index.ts";
import { AppError } from "../../src/lib/errors.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, rectangleRle } from "../helpers/seeds.ts";
import { second, withProposals } from "../worlds/auto-label.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

describe("proposals", () => {
  it("come newest first or by score, page by page, and only those that were asked for", async () => {
    const scores = [0.6, 0.9, 0.6, 0.7];
    const foundIn = (look: number) => [
      { labelScore: scores[look - 1], label: look === 2 ? "seal" : "stamp" },
    ];
    const { url, images: all, job, proposed } = await withProposals(app, 4, foundIn);
    for (const [i, image] of all.entries())
      await app.db
        .update(proposals)
        .set({ createdAt: second(i) })
        .where(eq(proposals.imageId, image));
    const [one, , three] = proposed.map(({ id }) => id) as [string, string, string];
    const alike = one > three ? [0, 2] : [2, 0];
    const read = async (query: string) => (await app.a.get(`${url}/proposals?${query}`)).body;
    const walk = async (order: string) => {
      const seen: unknown[] = [];
      let cursor = "";
      do {
        const page = await read(`order=${order}&limit=3${cursor}`);
        seen.push(...(page["data"] as { image_id: string }[]).map(({ image_id }) => all.indexOf(image_id)));
        cursor = page["has_more"] ? `&cursor=${String(page["next_cursor"])}` : "";
      } while (cursor !== "");
      return seen;
    };
    expect(await walk("newest")).toEqual([3, 2, 1, 0]);
    expect(await walk("score")).toEqual([1, 3, ...alike]);
    const { next_cursor } = await read("order=score&limit=1");
    expect(errorOf(await app.a.get(`${url}/proposals?cursor=${String(next_cursor)}`))).toBe(
      "400 invalid_request cursor",
    );
    const { data } = await read(`status=pending&image_id=${all[1]}&label=seal&auto_label_id=${job}`);
    expect(data).toEqual([
      {
        id: expect.stringMatching(/^prp_/),
        object: "proposal",
        image_id: all[1],
        auto_label_id: job,
        version: 1,
        mask: rectangleRle([2, 2, 6, 6]),
        box: [2, 2, 6, 6],
        area: 16,
        label: "seal",
        label_score: 0.9,
        score: 0.9,
        status: "pending",
        annotation_id: null,
        decided_by: null,
        created_at: expect.any(String),
        decided_at: null,
      },
    ]);
    for (const none of ["status=accepted", "label=Seal", "image_id=img_x", "auto_label_id=al_x"])
      expect((await read(none))["data"]).toEqual([]);
  });

  it("become annotations with their lineage when they are accepted, once", async () => {
    const { url, proposed, images: all, marks } = await withProposals(app, 1);
    const accept = `${url}/proposals/${proposed[0]?.id}/accept`;
    const first = await app.a.post(accept, {});
    expect(first.body).toMatchObject({ status: "accepted", decided_by: app.a.keyId });
    expect((await app.a.post(accept, {})).body).toEqual(first.body);
    expect((await app.a.post(accept, { label: "stamp", mask: rectangleRle([2, 2, 6, 6]) })).body).toEqual(
      first.body,
    );
    expect(errorOf(await app.a.post(accept, { label: null }))).toBe("409 proposal_decided proposal_id");
    expect(await marks()).toHaveLength(1);
    const annotation = await app.a.get(`${url}/annotations/${String(first.body["annotation_id"])}`);
    expect(annotation.body).toMatchObject({
      image_id: all[0],
      mask: rectangleRle([2, 2, 6, 6]),
      box: [2, 2, 6, 6],
      area: 16,
      label: "stamp",
      source: "proposal",
      lineage: {
        action: "accept",
        prediction_id: null,
        proposal_id: proposed[0]?.id,
        version: 1,
        prompt: { box: [2, 2, 6, 6] },
      },
    });
  });

  it("are corrected as they are accepted", async () => {
    const { url, proposed, marks } = await withProposals(app, 1);
    const accept = `${url}/proposals/${proposed[0]?.id}/accept`;
    const mask = rectangleRle([1, 1, 4, 3]);
    const body = { mask, label: null };
    for (const wrong of [
      { ...mask, size: [5, 5] },
      { ...mask, counts: rectangleRle([0, 0, 0, 0]).counts },
    ])
      expect((await app.a.post(accept, { mask: wrong })).status).toBe(422);
    const first = await app.a.post(accept, body);
    expect((await app.a.post(accept, body)).body).toEqual(first.body);
    expect(await marks()).toMatchObject([
      { counts: mask.counts, area: 6, box: [1, 1, 4, 3], label: null, lineage: { action: "correct" } },
    ]);
  });

  it("may be decided on anew: the last word counts", async () => {
    const { url, proposed, marks } = await withProposals(app, 1);
    const at = `${url}/proposals/${proposed[0]?.id}`;
    const rejected = await app.a.post(`${at}/reject`, {});
    expect(rejected.body).toMatchObject({ status: "rejected", annotation_id: null, decided_by: app.a.keyId });
    expect((await app.a.post(`${at}/reject`, {})).body).toEqual(rejected.body);
    const accepted = await app.a.post(`${at}/accept`, {});
    await app.a.post(`${at}/reject`, {});
    expect(await marks()).toEqual([]);
    const again = await app.a.post(`${at}/accept`, {});
    expect(again.body["annotation_id"]).not.toBe(accepted.body["annotation_id"]);
    // A deleted annotation leaves its proposal accepted, until somebody accepts it once more.
    await app.a.send("DELETE", `${url}/annotations/${String(again.body["annotation_id"])}`);
    const { body } = await app.a.get(`${url}/proposals`);
    expect(body["data"]).toMatchObject([{ status: "accepted", annotation_id: null }]);
    await app.a.post(`${at}/accept`, {});
    expect(await marks()).toHaveLength(1);
  });

  it("are decided on together: all, or none where one is not there", async () => {
    const { url, proposed, marks } = await withProposals(app, 3);
    const ids = proposed.map(({ id }) => id);
    const decide = (action: string, some: string[]) =>
      app.a.post(`${url}/proposals:decide`, { action, ids: some });
    expect(errorOf(await decide("accept", [...ids, "prp_none"]))).toBe("404 proposal_not_found ids[3]");
    expect(await marks()).toEqual([]);
    const twice = [ids[2], ids[0], ids[2]] as string[];
    const first = await decide("accept", twice);
    expect(first.body["data"]).toEqual(
      [ids[2], ids[0]].map((id) => ({ id, status: "accepted", annotation_id: expect.any(String) })),
    );
    expect((await decide("accept", twice)).body).toEqual(first.body);
    expect(await marks()).toHaveLength(2);
    await decide("reject", ids);
    expect(await marks()).toEqual([]);
    expect(errorOf(await decide("accept", []))).toBe("400 invalid_request ids");
  });

  it("are accepted once, however many ask at the same time", async () => {
    const { url, proposed, marks } = await withProposals(app, 2);
    const ids = proposed.map(({ id }) => id);
    await Promise.all([
      ...ids.map((id) => app.a.post(`${url}/proposals/${id}/accept`, {})),
      app.a.post(`${url}/proposals:decide`, { action: "accept", ids }),
      app.a.post(`${url}/proposals:decide`, { action: "accept", ids: ids.toReversed() }),
    ]);
    expect(await marks()).toHaveLength(2);
  });

  it("go with their image, and are nobody else's", async () => {
    const { url, proposed, images: all, job, rows } = await withProposals(app, 2);
    const at = `${url}/proposals/${proposed[0]?.id}`;
    for (const action of ["accept", "reject"])
      expect(errorOf(await app.b.post(`${at}/${action}`, {}))).toBe("404 project_not_found project_id");
    const theirs = `/v1/projects/${await makeProject(app.b)}`;
    const ids = [proposed[0]?.id];
    expect(errorOf(await app.b.post(`${theirs}/proposals:decide`, { action: "accept", ids }))).toBe(
      "404 proposal_not_found ids[0]",
    );
    expect(errorOf(await app.b.post(`${theirs}/proposals/${ids[0]}/reject`, {}))).toBe(
      "404 proposal_not_found proposal_id",
    );
    expect(errorOf(await app.b.get(`${theirs}/auto-label/${job}`))).toBe(
      "404 auto_label_not_found auto_label_id",
    );
    expect(errorOf(await app.b.get(`${url}/proposals`))).toBe("404 project_not_found project_id");
    await app.a.send("DELETE", `${url}/images/${all[0]}`);
    expect((await rows()).map(({ id }) => id)).toEqual([proposed[1]?.id]);
  });

  it("take memory as they are read", async () => {
    const { url } = await withProposals(app, 1);
    const refusing = vi.spyOn(app.services.memory, "reserve");
    refusing.mockRejectedValue(new AppError("memory_exceeded", "too much"));
    expect(errorOf(await app.a.get(`${url}/proposals`))).toBe("413 memory_exceeded");
    refusing.mockRestore();
  });
});
