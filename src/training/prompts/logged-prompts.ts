import { boxIou } from "../../imaging/geometry.ts";
import { frameSide, lowResSide, toInputFrame } from "../../imaging/coordinates.ts";
import type { Fit } from "../../domain/model-family.ts";
import { type Flip, flipBox, flipPoint } from "../../imaging/flips.ts";
import type { Box, Point, Size } from "../../imaging/types.ts";
import { boxIn, pointsIn } from "../../imaging/windows.ts";
import type { Random } from "../../lib/random.ts";
import { boxTokens, longestPrompt, type PromptPlan } from "./prompts.ts";
import { fitOf, type Sample } from "../data/samples.ts";
import type { SnapshotFeedback } from "../data/snapshot.ts";

/** How often a training prompt is a real one, where there is any to be had. The rest keeps to the synthetic mix. */
const realShare = 0.5;
/** A box that overlaps its object less was meant for something else, and its offsets say nothing. */
const fewestOverlap = 0.3;
/** Pixels of the 1024 frame to a low-res cell. */
const cellSide = frameSide / lowResSide;

/** The beginning of a prompt: coords [x, y, ...] in pixels of the 1024 frame, and Meta's labels. */
export interface LoggedStart {
  readonly coords: number[];
  readonly labels: number[];
  /** The clicks, in low-res cells. */
  readonly clicked: Point[];
}

/**
 * Prompts that people gave, from the lineage of annotations that feedback made: where a prompt was given for just this
 * object it is used as it was; elsewhere, how far people's boxes lie from the tight ones is carried over.
 */
export class LoggedPrompts {
  /** Offsets of each edge, as shares of the side: [left, top, right, bottom]. */
  readonly #offsets: readonly Box[];

  /** @param samples those that train: nothing is learnt of how people prompt on held-out images. */
  constructor(samples: readonly Sample[]) {
    this.#offsets = samples.flatMap(({ annotation }) => {
      const drawn = given(annotation.feedback)?.box;
      return drawn && boxIou(drawn, annotation.box) >= fewestOverlap
        ? [offsetsOf(drawn, annotation.box)]
        : [];
    });
  }

  /** Null where the plan's own beginning is to be taken. Leaves room for the plan's corrective clicks. */
  start(sample: Sample, plan: PromptPlan, random: Random): LoggedStart | null {
    const { annotation, image } = sample;
    const own = given(annotation.feedback);
    if (!own && (this.#offsets.length === 0 || plan.start === "click")) return null;
    if (random.next() >= realShare) return null;
    const of = { size: [image.height, image.width] as const, fit: fitOf(image) };
    if (!own) {
      const offsets = this.#offsets[random.below(this.#offsets.length)] as Box;
      return tokens(moved(annotation.box, offsets, image), [], of);
    }
    // Clicks without a box are followed by a padding point.
    const { family } = image;
    const room = longestPrompt(family) - plan.corrections - (own.box ? boxTokens(family) : 1);
    return tokens(own.box, (own.points ?? []).slice(0, Math.max(0, room)), of);
  }
}

/** What somebody had pointed at; nothing where the prompt was a mask alone, or a model's own: a grid's point, a found object's box. */
function given(feedback: SnapshotFeedback | undefined): SnapshotFeedback["prompt"] | undefined {
  const prompt = feedback?.prompt;
  return prompt && !prompt.grid && (prompt.box || prompt.points) ? prompt : undefined;
}

/** A prompt as it is in one region of its image; clicks beside the region are left out. Undefined where nothing is left. */
export function feedbackIn(
  feedback: SnapshotFeedback | undefined,
  region: Box,
): SnapshotFeedback | undefined {
  if (!feedback) return undefined;
  const { grid } = feedback.prompt;
  const box = feedback.prompt.box && boxIn(feedback.prompt.box, region);
  const points = pointsIn(feedback.prompt.points ?? [], region);
  if (!box && points.length === 0) return undefined;
  const prompt = { ...(box && { box }), ...(points.length > 0 && { points }), ...(grid && { grid }) };
  return { ...feedback, prompt };
}

/** A prompt as it is on the flipped image; `size` is [height, width]. */
export function feedbackFlipped(
  feedback: SnapshotFeedback | undefined,
  size: Size,
  flip: Flip,
): SnapshotFeedback | undefined {
  if (!feedback) return undefined;
  const { box, points, ...rest } = feedback.prompt;
  return {
    ...feedback,
    prompt: {
      ...rest,
      ...(box && { box: flipBox(box, size, flip) }),
      ...(points && { points: points.map((point) => flipPoint(point, size, flip)) }),
    },
  };
}

function tokens(
  box: Box | undefined,
  points: readonly Point[],
  { size, fit }: { size: Size; fit: Fit },
): LoggedStart | null {
  if (!box && points.length === 0) return null;
  const clicks = points.map(([x, y, label]) => [...toInputFrame([x, y], size, fit), label]);
  return {
    coords: [...clicks.flatMap(([x, y]) => [x, y] as number[]), ...(box ? toInputFrame(box, size, fit) : [])],
    labels: [...points.map(([, , label]) => label), ...(box ? [2, 3] : [])],
    clicked: clicks.map(([x = 0, y = 0, label = 1]) => [x / cellSide, y / cellSide, label]),
  };
}

function offsetsOf(drawn: Box, tight: Box): Box {
  const [width, height] = [tight[2] - tight[0], tight[3] - tight[1]];
  return [
    (drawn[0] - tight[0]) / width,
    (drawn[1] - tight[1]) / height,
    (drawn[2] - tight[2]) / width,
    (drawn[3] - tight[3]) / height,
  ];
}

/** Stays inside the image and at least one pixel wide and high. */
function moved(tight: Box, offsets: Box, image: { width: number; height: number }): Box {
  const [width, height] = [tight[2] - tight[0], tight[3] - tight[1]];
  const within = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
  const left = within(tight[0] + offsets[0] * width, 0, image.width - 1);
  const top = within(tight[1] + offsets[1] * height, 0, image.height - 1);
  return [
    left,
    top,
    within(tight[2] + offsets[2] * width, left + 1, image.width),
    within(tight[3] + offsets[3] * height, top + 1, image.height),
  ];
}
