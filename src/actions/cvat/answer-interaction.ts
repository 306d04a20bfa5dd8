import type { Box } from "../../imaging/types.ts";
import type { VersionName } from "../asked-versions.ts";
import type { ActionContext, Ask } from "../context.ts";
import { predict } from "../predict.ts";
import { type Bits, bitsOf, type Sent } from "./bits.ts";
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

export interface AnsweredInteraction extends Sent {
  readonly bits: Bits;
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
  const masks = predicted.result.results.flatMap(({ predictions }) =>
    predictions.flatMap((one) => one.masks),
  );
  const sent = await bitsOf(context, ask, predicted, { masks, outlines: false, param: "image" });
  return { ...sent, bits: sent.bits[0] as Bits };
}

const boxBetween = ([[ax, ay], [bx, by]]: readonly [Pair, Pair]): Box => [
  Math.min(ax, bx),
  Math.min(ay, by),
  Math.max(ax, bx),
  Math.max(ay, by),
];
