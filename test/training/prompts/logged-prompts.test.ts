import { describe, expect, it } from "vitest";
import type { AnnotatedRow } from "../../../src/db/queries/annotated-images.ts";
import type { AnnotationLineage } from "../../../src/domain/feedback.ts";
import { canonicalJson } from "../../../src/lib/hash.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { feedbackIn, LoggedPrompts, type LoggedStart } from "../../../src/training/prompts/logged-prompts.ts";
import { longestPrompt, type PromptPlan } from "../../../src/training/prompts/prompts.ts";
import { samplesOf } from "../../../src/training/data/samples.ts";
import { manyRows, row, snapshotOf } from "../fixtures.ts";

type Prompt = AnnotationLineage["prompt"];

/** A row whose mask came from feedback on a prediction that this prompt had asked for. */
function corrected(name: string, prompt: Prompt): AnnotatedRow {
  const made = row(name);
  const lineage: AnnotationLineage = { action: "correct", predictionId: `pred_${name}`, version: 2, prompt };
  return { ...made, annotation: { ...made.annotation, lineage } };
}

/** The fixture's images are 64 x 48, so a pixel is 16 of the 1024 frame; its box is [8, 6, 40, 30]. */
const plan = (start: PromptPlan["start"], corrections: PromptPlan["corrections"] = 0): PromptPlan => ({
  start,
  corrections,
  mask: false,
});

function startsOf(rows: AnnotatedRow[], of: string, wanted: PromptPlan, draws = 200): (LoggedStart | null)[] {
  const snapshot = snapshotOf(rows);
  const samples = samplesOf(snapshot, snapshot.images);
  const logged = new LoggedPrompts(samples);
  const sample = samples.find(({ annotation }) => annotation.id === of);
  if (!sample) throw new Error(`no ${of}`);
  const random = seededRandom(7);
  return Array.from({ length: draws }, () => logged.start(sample, wanted, random));
}

describe("a snapshot", () => {
  it("keeps which version had seen which prompt, and is the same as ever without feedback", () => {
    const [annotation] = snapshotOf([corrected("a", { box: [9, 7, 41, 29], mask: null })]).annotations;
    expect(annotation?.feedback).toEqual({
      action: "correct",
      prediction: "pred_a",
      version: 2,
      prompt: { box: [9, 7, 41, 29] },
    });
    expect(canonicalJson(snapshotOf(manyRows(3)))).not.toContain("feedback");
  });
});

describe("logged prompts", () => {
  it("are none where nobody has given any", () => {
    expect(new Set(startsOf(manyRows(4), "ann_0", plan("box")))).toEqual(new Set([null]));
  });

  it("are none of a model's own, a grid's point or a found object's box, nor of a mask alone", () => {
    const unclicked: Prompt[] = [
      { points: [[20, 12, 1]], grid: true },
      { mask: null },
      { label: "stamp", box: [9, 7, 41, 29] },
      { find: true, box: [9, 7, 41, 29] },
    ];
    for (const prompt of unclicked) {
      const rows = [corrected("a", prompt), ...manyRows(2)];
      expect(new Set(startsOf(rows, "ann_a", plan("click")))).toEqual(new Set([null]));
      expect(new Set(startsOf(rows, "ann_a", plan("box")))).toEqual(new Set([null]));
    }
    const [annotation] = snapshotOf([corrected("a", unclicked[0]!)]).annotations;
    expect(annotation?.feedback?.prompt).toEqual(unclicked[0]);
    expect(feedbackIn(annotation?.feedback, [10, 5, 40, 30])?.prompt).toEqual({
      points: [[10, 7, 1]],
      grid: true,
    });
  });

  it("begin about half of the prompts of the object that they were given for, as they were given", () => {
    const rows = [
      corrected("a", {
        points: [
          [10, 8, 1],
          [3, 3, 0],
        ],
      }),
      row("b"),
    ];
    const starts = startsOf(rows, "ann_a", plan("box"));
    const real = starts.filter((start) => start !== null);
    expect(real.length).toBeGreaterThan(70);
    expect(real.length).toBeLessThan(130);
    for (const start of real) {
      expect(start).toEqual({
        coords: [160, 128, 48, 48],
        labels: [1, 0],
        clicked: [
          [40, 32, 1],
          [12, 12, 0],
        ],
      });
    }
  });

  it("have their clicks before the box, as Meta orders them, and leave room for corrections", () => {
    const rows = [
      corrected("a", {
        box: [8, 6, 40, 30],
        points: [
          [10, 8, 1],
          [11, 8, 1],
          [12, 8, 1],
        ],
      }),
    ];
    for (const corrections of [0, 1, 2] as const) {
      const start = startsOf(rows, "ann_a", plan("click", corrections)).find((one) => one !== null);
      expect(start?.labels).toEqual([...Array.from({ length: 2 - corrections }, () => 1), 2, 3]);
      expect(start?.coords.slice(-4)).toEqual([128, 96, 640, 480]);
    }
    const clicks = [corrected("a", { points: Array.from({ length: 9 }, () => [10, 8, 1] as const) })];
    const start = startsOf(clicks, "ann_a", plan("click", 2)).find((one) => one !== null);
    // The padding point and two corrections take the other three.
    expect(start?.labels).toHaveLength(longestPrompt() - 3);
  });

  it("lend other objects the offsets of people's boxes, inside the image", () => {
    // Drawn a quarter of the side too large on every edge.
    const rows = [corrected("a", { box: [0, 0, 48, 36] }), row("b", { box: [40, 30, 60, 46] })];
    const real = startsOf(rows, "ann_b", plan("box")).filter((start) => start !== null);
    expect(real.length).toBeGreaterThan(70);
    for (const { coords, labels } of real) {
      expect(labels).toEqual([2, 3]);
      expect(coords).toEqual([(40 - 5) * 16, (30 - 4) * 16, 64 * 16, 48 * 16]);
    }
    expect(new Set(startsOf(rows, "ann_b", plan("click")))).toEqual(new Set([null]));
  });

  it("move with a region of their image, and lose what lies beside it", () => {
    const feedback = { action: "accept", prediction: "pred_1", version: 0 } as const;
    const region = [10, 10, 30, 30] as const;
    const points = [
      [12, 15, 1],
      [31, 15, 0],
    ] as const;
    expect(feedbackIn({ ...feedback, prompt: { box: [5, 12, 25, 28], points } }, region)?.prompt).toEqual({
      box: [0, 2, 15, 18],
      points: [[2, 5, 1]],
    });
    expect(feedbackIn({ ...feedback, prompt: { points: [[40, 40, 1]] } }, region)).toBeUndefined();
    expect(feedbackIn(undefined, region)).toBeUndefined();
  });

  it("do not lend the offsets of a box that was meant for something else", () => {
    const rows = [corrected("a", { box: [50, 40, 60, 46] }), row("b")];
    expect(new Set(startsOf(rows, "ann_b", plan("box")))).toEqual(new Set([null]));
  });
});
