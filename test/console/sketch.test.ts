import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Image, Proposal } from "../../src/console/api/types.ts";
import type { DecidedElsewhere } from "../../src/console/state/keep-corrected.ts";
import { type Draft, emptyDraft, Sketch } from "../../src/console/state/sketch.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";

const [width, height] = [8, 6];
const image = { id: "img_1", width, height } as Image;
/** A mask of the first `count` pixels. */
const mask = (count: number): BinaryMask => ({
  width,
  height,
  data: new Uint8Array(width * height).fill(1, 0, count),
});
const drawn = (count: number, more: Partial<Draft> = {}): Draft => ({
  ...emptyDraft,
  mask: mask(count),
  ...more,
});

interface Row {
  readonly id: string;
  readonly label: string | null;
  readonly mask: ReturnType<typeof encodeRle>;
  readonly area: number;
}

/** An API of annotations and feedback that keeps its rows here, and what it was asked. */
class Server {
  rows: Row[] = [];
  readonly asked: string[] = [];
  /** Whether predictions are still in its log. */
  logged = true;
  /** What somebody else has made of every proposal. */
  decided: string | null = null;
  #made = 0;

  readonly fetch = async (input: RequestInfo | URL): Promise<Response> => {
    const request = input as Request;
    const { pathname } = new URL(request.url);
    this.asked.push(`${request.method} ${pathname.replace("/v1/projects/prj_1/", "")}`);
    if (request.method === "GET")
      return Response.json({ data: this.rows, has_more: false, next_cursor: null });
    if (request.method === "DELETE") {
      this.rows = this.rows.filter(({ id }) => !pathname.endsWith(id));
      return Response.json({ deleted: true });
    }
    if (pathname.endsWith("/reject")) {
      this.decided = null;
      return Response.json({});
    }
    if (pathname.endsWith("/accept") && this.decided !== null)
      return (await request.clone().text()) === "{}"
        ? Response.json({ id: "prop_1", status: "accepted", annotation_id: this.decided })
        : Response.json(
            { error: { code: "proposal_decided", message: "Reject it first." } },
            { status: 409 },
          );
    if (pathname.endsWith("/feedback") && !this.logged)
      return Response.json({ error: { code: "prediction_not_found", message: "gone" } }, { status: 404 });
    const body = (await request.json()) as { label?: string; mask?: Row["mask"] };
    const id = `ann_${++this.#made}`;
    const row = { id, label: body.label ?? null, mask: body.mask ?? encodeRle(mask(1)), area: 7 };
    this.rows = [row, ...this.rows];
    const decides = /\/(feedback|accept)$/.test(pathname);
    return Response.json(decides ? { annotation_id: id } : row, { status: 201 });
  };
}

let server: Server;
let sketch: Sketch;
beforeEach(() => {
  server = new Server();
  vi.stubGlobal("location", { origin: "http://console.test" });
  vi.stubGlobal("fetch", server.fetch);
  sketch = new Sketch("prj_1", image, null);
});
afterEach(() => vi.unstubAllGlobals());

describe("what is being drawn", () => {
  it("goes back and forth step by step, and a new step ends the way forth", async () => {
    const [one, two, other] = [drawn(1), drawn(2), drawn(3)];
    sketch.draw(one);
    sketch.draw(two);
    await sketch.undo();
    expect(sketch.draft.value).toBe(one);
    await sketch.redo();
    expect(sketch.draft.value).toBe(two);
    await sketch.undo();
    sketch.draw(other);
    expect(sketch.canRedo.value).toBe(false);
    await sketch.undo();
    await sketch.undo();
    expect(sketch.draft.value).toBe(emptyDraft);
    expect(sketch.canUndo.value).toBe(false);
    expect(server.asked).toEqual([]);
  });

  it("takes an answer as one step with the prompts that it answers", async () => {
    const asked: Draft = { ...emptyDraft, points: [[1, 1, 1]] };
    sketch.draw(asked);
    const answered = sketch.answer(asked, { mask: mask(5), score: 0.9, id: "pred_1" });
    expect(answered).toMatchObject({ score: 0.9, prediction: { id: "pred_1", prompt: 0 } });
    await sketch.undo();
    expect(sketch.draft.value).toBe(emptyDraft);
    await sketch.redo();
    expect(sketch.draft.value).toBe(answered);
  });

  it("takes no answer to what is no longer there", () => {
    const asked: Draft = { ...emptyDraft, points: [[1, 1, 1]] };
    sketch.draw(asked);
    sketch.draw(emptyDraft);
    expect(sketch.answer(asked, { mask: mask(5) })).toBeNull();
    expect(sketch.draft.value).toBe(emptyDraft);
  });
});

describe("what is accepted", () => {
  it("becomes an annotation, which undo deletes and redo makes again", async () => {
    sketch.label.value = " stamp ";
    sketch.draw(drawn(4, { byHand: true }));
    await sketch.accept();
    expect(server.asked).toEqual(["POST annotations"]);
    expect(server.rows).toMatchObject([{ id: "ann_1", label: "stamp", mask: encodeRle(mask(4)) }]);
    expect(sketch.hasDraft.value).toBe(false);
    await sketch.undo();
    expect(server.rows).toEqual([]);
    expect(sketch.draft.value.mask).toEqual(mask(4));
    await sketch.redo();
    expect(sketch.instances.value.map(({ id }) => id)).toEqual(["ann_2"]);
    expect(server.rows).toMatchObject([{ id: "ann_2", label: "stamp" }]);
  });

  it("keeps its lineage: as feedback on the prediction, a correction with its mask", async () => {
    const prediction = { id: "pred_1", prompt: 0 };
    sketch.draw(drawn(4, { prediction }));
    await sketch.accept();
    sketch.draw(drawn(5, { prediction, byHand: true }));
    await sketch.accept();
    expect(server.asked).toEqual(Array(2).fill("POST predictions/pred_1/feedback"));
    expect(server.rows[0]?.mask).toEqual(encodeRle(mask(5)));
    expect(sketch.instances.value.map(({ id }) => id)).toEqual(["ann_1", "ann_2"]);
    // Given again after an undo, it is feedback again.
    await sketch.undo();
    await sketch.redo();
    expect(server.asked.slice(2)).toEqual(["DELETE annotations/ann_2", "POST predictions/pred_1/feedback"]);
  });

  it("is kept without its lineage where the log has forgotten the prediction", async () => {
    server.logged = false;
    sketch.draw(drawn(4, { prediction: { id: "pred_old", prompt: 0 } }));
    await sketch.accept();
    expect(server.asked).toEqual(["POST predictions/pred_old/feedback", "POST annotations"]);
    expect(server.rows).toHaveLength(1);
  });

  it("takes the place of the annotation that was taken up, and undo brings that one back", async () => {
    sketch.draw(drawn(4));
    await sketch.accept();
    const [first] = sketch.instances.value;
    sketch.edit(first!);
    sketch.draw({ ...sketch.draft.value, mask: mask(9) });
    await sketch.accept();
    expect(sketch.instances.value).toMatchObject([{ id: "ann_2", colour: first!.colour }]);
    await sketch.undo();
    expect(sketch.instances.value).toMatchObject([{ id: "ann_3", mask: mask(4) }]);
    expect(sketch.draft.value.replaces).toBe("ann_3");
  });

  it("is nothing where nothing is drawn", async () => {
    expect(await sketch.accept()).toBeNull();
    sketch.draw(drawn(0));
    expect(await sketch.accept()).toBeNull();
    expect(server.asked).toEqual([]);
  });

  it("stays drawn where the API refuses it, in the API's own words", async () => {
    vi.stubGlobal("fetch", async () =>
      Response.json({ error: { code: "quota_exceeded", message: "Too many." } }, { status: 403 }),
    );
    const draft = drawn(4);
    sketch.draw(draft);
    await expect(sketch.accept()).rejects.toMatchObject({ code: "quota_exceeded", detail: "Too many." });
    expect(sketch.draft.value).toBe(draft);
    expect(sketch.busy.value).toBe(false);
  });
});

it("shows what is saved, the oldest first, and deletes with a way back", async () => {
  server.rows = [2, 1].map((n) => ({ id: `ann_${n}0`, label: null, mask: encodeRle(mask(n)), area: n }));
  await sketch.load();
  expect(sketch.instances.value.map(({ id }) => id)).toEqual(["ann_10", "ann_20"]);
  await sketch.remove(sketch.instances.value[0]!);
  expect(server.rows.map(({ id }) => id)).toEqual(["ann_20"]);
  await sketch.undo();
  expect(sketch.instances.value.map(({ id }) => id)).toEqual(["ann_20", "ann_1"]);
});

describe("a proposal that is corrected", () => {
  const proposal = {
    id: "prop_1",
    label: "stamp",
    mask: encodeRle(mask(4)),
    status: "pending",
    annotation_id: null,
  } as Proposal;

  it("is the start of what is drawn, and accepted as what came of it", async () => {
    sketch.correct(proposal);
    expect(sketch.draft.value.mask?.data).toEqual(mask(4).data);
    expect(sketch.label.value).toBe("stamp");
    sketch.draw(drawn(6, { byHand: true }));
    await sketch.accept();
    expect(server.asked).toEqual(["POST proposals/prop_1/accept"]);
    expect(server.rows.map((row) => [row.label, row.mask])).toEqual([["stamp", encodeRle(mask(6))]]);
    expect(sketch.correcting.value).toBeNull();
    // What is drawn next is an object of its own
    sketch.draw(drawn(2));
    await sketch.accept();
    expect(server.asked.at(-1)).toBe("POST annotations");
  });

  it("stays the one that is corrected when one starts over, undoes and redoes", async () => {
    sketch.correct(proposal);
    sketch.clear();
    expect(sketch.correcting.value).toBe(proposal);
    sketch.draw(drawn(3));
    await sketch.accept();
    await sketch.undo();
    expect(sketch.correcting.value).toBe(proposal);
    await sketch.redo();
    expect(sketch.correcting.value).toBeNull();
    expect(server.asked).toEqual([
      "POST proposals/prop_1/accept",
      "DELETE annotations/ann_1",
      "POST proposals/prop_1/accept",
    ]);
  });

  it("takes back what it had been accepted as", async () => {
    server.rows = [{ id: "ann_9", label: "stamp", mask: encodeRle(mask(4)), area: 4 }];
    await sketch.load();
    sketch.correct({ ...proposal, status: "accepted", annotation_id: "ann_9" });
    sketch.draw(drawn(6));
    await sketch.accept();
    expect(server.asked.slice(1)).toEqual(["POST proposals/prop_1/reject", "POST proposals/prop_1/accept"]);
    expect(sketch.instances.value.map(({ id, area }) => [id, area])).toEqual([["ann_1", 6]]);
  });

  it("tells that somebody else has accepted it, and is accepted in the place of that", async () => {
    server.decided = "ann_8";
    sketch.correct(proposal);
    sketch.draw(drawn(6));
    const { now } = await sketch.accept().then(
      () => expect.fail("was accepted"),
      (error: unknown) => error as DecidedElsewhere,
    );
    expect(now).toMatchObject({ status: "accepted", annotation_id: "ann_8" });
    expect(sketch.draft.value.mask).toEqual(mask(6));
    sketch.correcting.value = now;
    expect(await sketch.accept()).not.toBeNull();
    expect(server.asked.slice(-2)).toEqual(["POST proposals/prop_1/reject", "POST proposals/prop_1/accept"]);
  });
});
