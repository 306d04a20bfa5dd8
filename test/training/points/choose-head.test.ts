import { describe, expect, it } from "vitest";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { RgbImage } from "../../../src/imaging/types.ts";
import { chooseHead, gainOf, type HeadOptions } from "../../../src/training/points/choose-head.ts";
import type { WindowLogits } from "../../../src/training/evaluation/scores.ts";
import { answerOf, type Disc, discBox, discs } from "../../helpers/discs.ts";

/** Answers on images of their own, `colours` being those of the discs, and what reads the images. */
function answersOn(
  kinds: readonly Disc[],
  project = "a",
): {
  answers: WindowLogits[];
  pixelsOf: (image: { id: string }) => Promise<RgbImage>;
} {
  const made = kinds.map((kind) => answerOf(kind));
  const answers = made.map(({ image, truth, view }, i): WindowLogits => {
    const id = `img_${i}`;
    const { width, height } = image;
    return {
      sample: {
        image: { id, sha256: `sha_${i}`, bytes: 1, width, height, object_key: id, group: null },
        annotation: {
          id: `ann_${project}_${i}`,
          image: id,
          counts: encodeRle(truth).counts,
          box: discBox,
          label: null,
        },
      },
      window: [0, 0, width, height],
      views: [view],
      predictedIou: 0.5,
    };
  });
  const pixelsOf = async ({ id }: { id: string }) =>
    (made[Number(id.slice(4))] as (typeof made)[number]).image;
  return { answers, pixelsOf };
}

const coloured = Array.from({ length: 6 }, (_, i): Disc => ({ ...(discs[i % 3] as Disc), seed: i }));
/** The decoder is right already, and colours say nothing at all. */
const plain = coloured.map((disc): Disc => ({
  ...disc,
  inside: [120, 120, 120],
  outside: [120, 120, 120],
  over: 0,
}));

const options = {
  groupOf: ({ image }) => image.id,
  isFresh: ({ image }) => Number(image.id.slice(4)) % 2 === 0,
  seed: 0,
  signal: new AbortController().signal,
} satisfies Omit<HeadOptions, "pixelsOf">;

describe("choosing a point head", () => {
  it("takes one that brings masks back to the edges that colours show, in images that it has not seen", async () => {
    const { answers, pixelsOf } = answersOn(coloured);
    const choice = await chooseHead(answers, { ...options, pixelsOf });
    expect(choice.worthIt).toBe(true);
    expect(choice.all?.samples).toBe(6);
    expect(choice.fresh?.samples).toBe(3);
    expect(choice.all?.plainIou).toBeLessThan(0.75);
    expect(choice.all?.iou).toBeGreaterThan(0.95);
    // The decoder said .5 of each.
    expect(choice.refine?.point_head.score_shift).toBeCloseTo((choice.all?.iou ?? 0) - 0.5, 10);
  });

  it("finds that none pays where masks are right already", async () => {
    const { answers, pixelsOf } = answersOn(plain);
    const choice = await chooseHead(answers, { ...options, pixelsOf });
    if (!choice.fresh) throw new Error("something judged");
    expect(gainOf(choice.fresh)).toBeLessThan(0.01);
    expect(choice.worthIt).toBe(false);
  });

  it("gives the same head for the same data and seed, whatever their ids, and another for another seed", async () => {
    const heads = [];
    for (const [project, seed] of [
      ["a", 0],
      ["b", 0],
      ["a", 1],
    ] as const) {
      const { answers, pixelsOf } = answersOn(coloured.slice(0, 2), project);
      heads.push((await chooseHead(answers, { ...options, seed, pixelsOf })).refine?.point_head.weights);
    }
    expect(heads[1]).toBe(heads[0]);
    expect(heads[2]).not.toBe(heads[0]);
  });

  it("takes none by itself where one group is all there is", async () => {
    const { answers, pixelsOf } = answersOn(coloured.slice(0, 2));
    const choice = await chooseHead(answers, { ...options, groupOf: () => "page", pixelsOf });
    expect(choice).toMatchObject({ all: null, fresh: null, worthIt: false });
    expect(choice.refine).not.toBeNull();
  });

  it("has nothing to learn from where no answer may be foreground", async () => {
    const { answers, pixelsOf } = answersOn(coloured.slice(0, 2));
    const empty = answers.map((answer) => ({
      ...answer,
      views: answer.views.map((view) => ({ ...view, lowRes: view.lowRes.map(() => -9) })),
    }));
    const choice = await chooseHead(empty, { ...options, pixelsOf });
    expect(choice).toEqual({ refine: null, all: null, fresh: null, worthIt: false });
  });
});
