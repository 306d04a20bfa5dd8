import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, Box, RgbImage, RleMask } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";
import { asPng } from "../worlds/images.ts";

const [width, height] = [320, 240];
type Disc = readonly [x: number, y: number, radius: number];

/** Blue discs and a red square on grainy paper. */
function sheet(discs: readonly Disc[], seed: number): RgbImage {
  const random = seededRandom(seed);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const isDisc = discs.some(([cx, cy, r]) => Math.hypot(x + 0.5 - cx, y + 0.5 - cy) <= r);
      const isSquare = x >= 240 && x < 290 && y >= 30 && y < 80;
      const colour = isDisc ? [40, 70, 160] : isSquare ? [190, 50, 40] : [226, 221, 208];
      const grain = random.below(13) - 6;
      for (let c = 0; c < 3; c++) data[at + c] = (colour[c] as number) + grain;
    }
  }
  return { width, height, data };
}
function discMask([cx, cy, r]: Disc): BinaryMask {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) if (Math.hypot(x + 0.5 - cx, y + 0.5 - cy) <= r) data[y * width + x] = 1;
  return { width, height, data };
}
const square: Box = [240, 30, 290, 80];
const here: readonly Disc[] = [
  [60, 60, 26],
  [150, 70, 26],
  [70, 170, 24],
  [190, 170, 28],
];
const there: readonly Disc[] = [
  [110, 60, 26],
  [60, 180, 25],
];

let app: TestApp;
let [project, image, other, annotation] = ["", "", "", ""];
beforeAll(async () => {
  app = await testApp({ MAX_EVERYTHING_POINTS: 600 });
  project = await makeProject(app.a);
  const upload = async (drawn: RgbImage): Promise<string> =>
    idOf(
      await app.a.send("POST", `/v1/projects/${project}/images`, {
        body: Uint8Array.from(await asPng(drawn)),
      }),
    );
  [image, other] = [await upload(sheet(here, 1)), await upload(sheet(there, 2))];
  annotation = idOf(
    await app.a.post(`/v1/projects/${project}/annotations`, {
      image_id: image,
      label: "disc",
      mask: encodeRle(discMask(here[0] as Disc)),
    }),
  );
});
afterAll(() => app?.close());

interface Masks {
  masks: (RleMask & { label: string | null; label_score: number })[];
  left_out: number;
}
const ask = (json: object): Promise<Answer> =>
  app.a.post(`/v1/projects/${project}/predict`, { image: { id: image }, version: "base", ...json });
async function predict(json: object): Promise<{ id: string; answers: Masks[] }> {
  const answer = await ask(json);
  expect(errorOf(answer)).toBe("200");
  const { id, results } = answer.body as unknown as { id: string; results: { predictions: Masks[] }[] };
  return { id, answers: results[0]!.predictions };
}
/** Which discs the best masks show, as many as there are discs to be found, by their places. */
const shown = ({ masks }: Masks, discs: readonly Disc[], count: number): number[] =>
  masks
    .slice(0, count)
    .map((mask) => discs.findIndex((disc) => iou(decodeRle(mask), discMask(disc)) > 0.8))
    .sort((a, b) => a - b);

describe("predict by an object that is there", () => {
  it("finds those that are like an annotation, but itself, on its image and on others", async () => {
    const { id, answers } = await predict({ prompts: [{ like: { annotation } }] });
    expect(shown(answers[0]!, here, 3)).toEqual([1, 2, 3]);
    for (const { label, label_score } of answers[0]!.masks) {
      expect(label).toBe("disc");
      expect(label_score).toBeGreaterThan(0.3);
    }
    const elsewhere = await predict({ prompts: [{ like: { annotation } }], image: { id: other } });
    expect(shown(elsewhere.answers[0]!, there, 2)).toEqual([0, 1]);
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${id}`);
    expect(body["prompts"]).toMatchObject([
      { like: { annotation }, found: answers[0]!.masks.map(() => ({ version: "base", label: "disc" })) },
    ]);
  });

  it("finds what several that are shown have in common, and none of them", async () => {
    const drawn = async (disc: Disc, on: string, label: string): Promise<string> =>
      idOf(
        await app.a.post(`/v1/projects/${project}/annotations`, {
          image_id: on,
          label,
          mask: encodeRle(discMask(disc)),
        }),
      );
    const second = await drawn(here[1]!, image, "disc");
    const elsewhere = await drawn(there[0]!, other, "seal");
    const like = { annotations: [annotation, second] };
    const { id, answers } = await predict({
      prompts: [{ like }, { like: { annotations: [annotation, elsewhere] } }],
    });
    expect(shown(answers[0]!, here, 2)).toEqual([2, 3]);
    expect(answers[0]!.masks.map(({ label }) => label)).toEqual(answers[0]!.masks.map(() => "disc"));
    // One label says what is like it; two do not
    expect(shown(answers[1]!, here, 3)).toEqual([1, 2, 3]);
    expect(answers[1]!.masks.map(({ label }) => label)).toEqual(answers[1]!.masks.map(() => null));
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${id}`);
    expect(body["prompts"]).toMatchObject([{ like }, {}]);
  });

  it("takes a box, a region, what to leave out and the most, beside drawn prompts", async () => {
    const like = { box: [122, 42, 178, 98] };
    const { answers } = await predict({
      prompts: [
        { like },
        { box: square },
        { like, box: [0, 0, width, 120] },
        { like, exclude: [[0, 0, width, 120]] },
      ],
    });
    expect(shown(answers[0]!, here, 3)).toEqual([0, 2, 3]);
    expect(shown(answers[2]!, here, 1)).toEqual([0]);
    expect(shown(answers[3]!, here, 2)).toEqual([2, 3]);
    for (const { label } of answers[0]!.masks) expect(label).toBeNull();
    expect(answers[1]!.masks).toHaveLength(1);
    const few = await predict({ prompts: [{ like }], max_objects: 1 });
    expect(few.answers[0]!.masks).toEqual(answers[0]!.masks.slice(0, 1));
    expect(few.answers[0]!.left_out).toBeGreaterThan(0);
    const strict = await predict({ prompts: [{ like }], find_threshold: 1 });
    expect(strict.answers[0]!.masks).toEqual([]);
  });

  it("makes annotations with lineage of what it found, and prompts", async () => {
    const { id, answers } = await predict({ prompts: [{ like: { annotation } }] });
    const said = await app.a.post(`/v1/projects/${project}/predictions/${id}/feedback`, {
      action: "accept",
      mask_index: 1,
    });
    expect(errorOf(said)).toBe("201");
    expect(said.body).toMatchObject({ prompt: { like: { annotation } }, iou: 1 });
    const path = `/v1/projects/${project}/annotations/${String(said.body["annotation_id"])}`;
    const { body } = await app.a.get(path);
    expect(body).toMatchObject({ label: "disc", source: "feedback" });
    expect((body["mask"] as RleMask).counts).toBe(answers[0]!.masks[1]?.counts);
    const mask = { format: "prediction", id, prompt: 0, mask: 2 };
    const next = await predict({ prompts: [{ mask, points: [[here[1]![0], here[1]![1], 0]] }] });
    expect(next.answers[0]!.masks).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ["neither annotation nor box", { like: {} }, "400 invalid_request prompts[0].like"],
    [
      "one that is not there among several",
      { like: { annotations: ["ann_1"] } },
      "404 annotation_not_found prompts[0].like.annotations[0]",
    ],
    [
      "more than are taken together",
      { like: { annotations: Array.from({ length: 9 }, () => "ann_1") } },
      "400 invalid_request prompts[0].like.annotations",
    ],
    [
      "one twice",
      { like: { annotations: ["ann_1", "ann_1"] } },
      "400 invalid_request prompts[0].like.annotations[1]",
    ],
    ["none of several", { like: { annotations: [] } }, "400 invalid_request prompts[0].like.annotations"],
    ["both", { like: { annotation: "ann_1", box: [0, 0, 9, 9] } }, "400 invalid_request prompts[0].like"],
    [
      "an annotation that is not there",
      { like: { annotation: "ann_1" } },
      "404 annotation_not_found prompts[0].like.annotation",
    ],
    ["a box outside", { like: { box: [400, 0, 420, 9] } }, "422 box_outside_image prompts[0].like.box"],
    ["a label, too", { like: { box: square }, label: "disc" }, "400 invalid_request prompts[0].like"],
    ["points, too", { like: { box: square }, points: [[1, 1, 1]] }, "400 invalid_request prompts[0].points"],
  ])("refuses %s and leaves nothing behind", async (_what, prompt, error) => {
    const before = await app.traces();
    expect(errorOf(await ask({ prompts: [prompt] }))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("knows no annotation of another project, no logits, and not too many at a time", async () => {
    const foreign = await makeProject(app.a, "another");
    const path = `/v1/projects/${foreign}/predict`;
    const bytes = (await asPng(sheet(there, 2))).toString("base64");
    const prompts = [{ like: { annotation } }];
    expect(errorOf(await app.a.post(path, { image: { base64: bytes }, prompts }))).toBe(
      "404 annotation_not_found prompts[0].like.annotation",
    );
    expect(errorOf(await ask({ prompts, format: "logits" }))).toBe("400 invalid_request format");
    const many = Array.from({ length: 4 }, () => ({ like: { box: square } }));
    // 200 places each, of which 600 are allowed; objects alone would be 400.
    expect(errorOf(await ask({ prompts: many }))).toBe("422 too_many_prompts prompts");
  });
});
