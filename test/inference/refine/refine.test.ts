import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Box } from "../../../src/imaging/types.ts";
import { refineArea, type RefineTask } from "../../../src/inference/refine/refine.ts";
import type { Guided, PointHeadSettings } from "../../../src/domain/focus.ts";
import { answerOf, discBox, discs } from "../../helpers/discs.ts";

/** What plain loops in double precision made of the same discs, before graphs took their place. */
interface Reference {
  readonly every: number;
  readonly head: PointHeadSettings;
  readonly cases: readonly {
    readonly disc: 0 | 1 | 2;
    readonly box: Box | null;
    readonly refine: "head" | Guided;
    readonly area: number;
    readonly values: readonly number[];
  }[];
}
const reference = JSON.parse(
  readFileSync(new URL("../../model/refine/reference/masks.json", import.meta.url), "utf8"),
) as Reference;

const taskOf = (disc: 0 | 1 | 2, rest: Pick<RefineTask, "refine" | "box">): RefineTask => {
  const { image, logits } = answerOf(discs[disc]);
  return { logits, size: [image.height, image.width], guide: image, ...rest };
};
const areaOf = (logits: Float32Array): number => logits.filter((value) => value > 0).length;

describe("an area that is refined", () => {
  it.each(reference.cases)("is what it always was: disc $disc, $refine, box $box", async (wanted) => {
    const refine = wanted.refine === "head" ? reference.head : wanted.refine;
    const got = await refineArea(taskOf(wanted.disc, { refine, box: wanted.box }));
    const some = Array.from(got).filter((_, i) => i % reference.every === 0);
    const shareOf = (logit: number): number => 1 / (1 + Math.exp(-logit));
    const worst = Math.max(
      ...some.map((value, i) => Math.abs(shareOf(value) - shareOf(wanted.values[i] as number))),
    );
    expect(worst).toBeLessThan(1e-3);
    expect(Math.abs(areaOf(got) - wanted.area)).toBeLessThanOrEqual(1);
  });

  it("has pixels that are surely background as they were", async () => {
    const task = taskOf(0, { refine: reference.head, box: null });
    const got = await refineArea(task);
    const sure = Math.log(0.01 / 0.99);
    const changed = got.filter((value, i) => (task.logits[i] as number) <= sure && value !== task.logits[i]);
    expect(changed.length).toBe(0);
  });

  it("may be a single pixel, or hold nothing", async () => {
    for (const refine of [reference.head, { radius: 4, epsilon: 1e-3, threshold: 0.5 }]) {
      for (const logit of [3, -9]) {
        const guide = { width: 1, height: 1, data: Uint8Array.of(9, 200, 30) };
        const logits = Float32Array.of(logit);
        const got = await refineArea({ logits, size: [1, 1], guide, box: discBox, refine });
        expect(got.length).toBe(1);
        expect(Number.isFinite(got[0])).toBe(true);
      }
    }
  });

  it("must have as many logits as pixels, and a head that is one", async () => {
    const task = taskOf(0, { refine: reference.head, box: null });
    await expect(refineArea({ ...task, size: [120, 60] })).rejects.toThrow("do not fit a guide of 120 x 120");
    const broken = { point_head: { ...reference.head.point_head, hidden: 9 } };
    await expect(refineArea({ ...task, refine: broken })).rejects.toThrow("a point head of 9 units has");
  });
});
