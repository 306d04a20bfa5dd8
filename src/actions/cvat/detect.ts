import type { VersionName } from "../asked-versions.ts";
import type { ActionContext, Ask } from "../context.ts";
import { predict } from "../predict.ts";
import { type Bits, bitsOf, type Sent } from "./bits.ts";
import { inMessage } from "./in-message.ts";
import { cvatName } from "./labels.ts";

/** Objects at most on an image; the best are answered. */
export const mostObjects = 100;

export interface AskedDetection {
  readonly base64: string;
  /** Label scores from which objects are answered with, in [0, 1]; left out, the finder's own. */
  readonly threshold: number | undefined;
  readonly version: VersionName;
  /** Bytes of the request, where it told them. */
  readonly requestBytes: number | null;
}

export interface Detected {
  readonly label: string;
  /** The label score, in [0, 1]. */
  readonly confidence: number;
  readonly bits: Bits;
}

export interface AnsweredDetection extends Sent {
  readonly objects: readonly Detected[];
}

/** All that a version's finder finds. Throws what predict and bitsOf throw, each with the field of CVAT's message. */
export async function detect(
  context: ActionContext,
  ask: Ask,
  { base64, threshold, version, requestBytes }: AskedDetection,
): Promise<AnsweredDetection> {
  const predicted = await predict(context, ask, {
    image: { base64 },
    prompts: [],
    find: true,
    labels: false,
    findThreshold: threshold,
    maxObjects: Math.min(mostObjects, context.config.MAX_EVERYTHING_POINTS),
    version,
    multimask: false,
    format: "rle",
    polygonTolerance: 0,
    requestBytes,
  }).catch((error: unknown) => {
    throw inMessage(error);
  });
  const masks = predicted.result.results
    .flatMap(({ found }) => found?.masks ?? [])
    .filter(({ area }) => area > 0);
  const { bits, ...sent } = await bitsOf(context, ask, predicted, { masks, outlines: true, param: "image" });
  const objects = masks.map(({ label, labelScore, score }, i): Detected => ({
    label: cvatName(label),
    confidence: labelScore ?? score,
    bits: bits[i] as Bits,
  }));
  return { ...sent, objects };
}
