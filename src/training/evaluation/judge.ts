import { isPlain, plainFocus } from "../../domain/focus.ts";
import type { Evaluation } from "../../domain/evaluation.ts";
import type { VersionLatency } from "../../domain/serving.ts";
import type { VersionPicture } from "../../domain/version.ts";
import type { VersionRef } from "../../inference/types.ts";
import { drawPictures } from "./draw-pictures.ts";
import type { PreparedData } from "../data/prepare.ts";
import type { Run } from "../run.ts";
import { scoreVersions } from "./box-scores.ts";
import { evaluate, withAllKinds } from "./evaluation.ts";
import { measureLatency } from "./latency.ts";
import type { Score } from "./score.ts";

/** Scoring a sample with every kind of prompt, base and tuned, costs so many times what its box alone does. */
const kindsWeight = 10;
/** Measuring how long answers take costs so many times what a sample's box does. */
const latencyWeight = 80;

/** Scored boxes that the whole judgement is worth, for the progress. */
export const evaluationUnits = (data: PreparedData): number =>
  data.heldOut.length + kindsWeight * withAllKinds(data).length + latencyWeight;

/** What is known of a version on the samples that were held out, in their order where there is one of each. */
export interface Judged {
  readonly tuned: readonly Score[];
  /** Its decoder on the whole image, nothing refined: what files that hold the decoder alone do. */
  readonly decoderAlone: readonly Score[];
  readonly evaluation: Evaluation;
  readonly pictures: VersionPicture[];
  readonly latency: VersionLatency;
}

/**
 * Scores a tuned version on what was held out, with every kind of prompt, draws its examples and times its answers.
 * @param version its weights lie in the object store; it has no number yet
 * @param base scores of the untuned model for exact boxes, in the order of `data.heldOut`
 * @param owner whose pictures they are, for their keys
 */
export async function judge(
  run: Run,
  data: PreparedData,
  {
    version,
    base,
    owner,
  }: {
    version: VersionRef;
    base: readonly Score[];
    owner: { projectId: string; fineTuneId: string };
  },
): Promise<Judged> {
  const { services, images } = run;
  const { focus = plainFocus } = version;
  const alone: VersionRef = { ...version, focus: plainFocus };
  const [tuned, bare] = await scoreVersions(services, data.heldOut, {
    ...images,
    versions: isPlain(focus) ? [version] : [version, alone],
    onDone: async (done) => run.progress("evaluate", done),
  });
  if (!tuned) throw new Error("the tuned version was not scored");
  const sides = { base: { number: 0 }, tuned: version };
  const evaluation = await evaluate(services, data, {
    ...images,
    ...sides,
    box: { base, tuned },
    onDone: async (done) => run.progress("evaluate", data.heldOut.length + kindsWeight * done),
  });
  const pictures = await drawPictures(services, data.heldOut, {
    ...images,
    ...owner,
    examples: evaluation.examples,
    tuned: version,
  });
  const latency = await measureLatency(services, data, { ...images, ...sides });
  return { tuned, decoderAlone: bare ?? tuned, evaluation, pictures, latency };
}
