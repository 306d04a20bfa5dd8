import type { Reservation } from "../../lib/memory-budget.ts";
import type { Box } from "../../imaging/types.ts";
import type { VersionName } from "../asked-versions.ts";
import type { ActionContext, Ask } from "../context.ts";
import { predict } from "../predict.ts";
import { type Bits, bitsOf } from "./bits.ts";
import { inMessage } from "./in-message.ts";

type Pair = readonly [number, number];

/** What CVAT tells an interactor: an image file and what a person has drawn on it, in pixels. */
export interface AskedInteraction {
  readonly base64: string;
  readonly positive: readonly Pair[];
  readonly negative: readonly Pair[];
  /** Two corners, in any order; null without a rectangle. */
  readonly corners: readonly [Pair, Pair] | null;
  readonly version: VersionName;
  /** Bytes of the request, where it told them. */
  readonly requestBytes: number | null;
}

export interface AnsweredInteraction {
  readonly bits: Bits;
  /** Memory of the answer: to be released once it is sent. */
  readonly held: Pick<Reservation, "release">;
  /** Closes the entry in the log of predictions. `answerBytes`: of the answer as it is sent. */
  readonly finish: (answerBytes: number) => Promise<void>;
}

/** The one mask of what was drawn. Throws what predict and bitsOf throw, each with the field of CVAT's message. */
export async function answerInteraction(
  context: ActionContext,
  ask: Ask,
  { base64, positive, negative, corners, version, requestBytes }: AskedInteraction,
): Promise<AnsweredInteraction> {
  const labelled = (points: readonly Pair[], label: 0 | 1) => points.map(([x, y]) => [x, y, label] as const);
  const points = [...labelled(positive, 1), ...labelled(negative, 0)];
  const prompt = {
    ...(points.length > 0 && { points }),
    ...(corners && { box: boxBetween(corners) }),
  };
  const predicted = await predict(context, ask, {
    image: { base64 },
    prompts: [prompt],
    find: false,
    labels: false,
    findThreshold: undefined,
    maxObjects: 1,
    version,
    multimask: false,
    format: "rle",
    polygonTolerance: 0,
    requestBytes,
  }).catch((error: unknown) => {
    throw inMessage(error, positive.length);
  });
  try {
    const masks = predicted.result.results.flatMap(({ predictions }) =>
      predictions.flatMap((one) => one.masks),
    );
    const { bits, held } = await bitsOf(context, ask, predicted, { masks, outlines: false, param: "image" });
    return { bits: bits[0] as Bits, held, finish: (bytes) => predicted.finish(bytes) };
  } catch (error) {
    predicted.held.release();
    throw error;
  }
}

const boxBetween = ([[ax, ay], [bx, by]]: readonly [Pair, Pair]): Box => [
  Math.min(ax, bx),
  Math.min(ay, by),
  Math.max(ax, bx),
  Math.max(ay, by),
];
