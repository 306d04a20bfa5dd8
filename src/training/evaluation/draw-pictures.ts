import { sourceOf } from "../data/snapshot.ts";
import type { VersionPicture } from "../../domain/version.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import { drawComparison } from "../../imaging/picture/comparison.ts";
import { decodeRle } from "../../imaging/rle.ts";
import type { VersionRef } from "../../inference/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { keys } from "../../storage/keys.ts";
import { type AnswerDeps, type AnswerOptions, answersOf } from "./answers.ts";
import { rleOf, type Sample } from "../data/samples.ts";

/** Which held-out sample each picture is of: ids of annotations, by their gain. */
type Examples = Readonly<Record<VersionPicture["kind"], string>>;

/**
 * Draws before, after and truth of the best, median and worst held-out sample, prompted by its box, and writes them to
 * the object store under the fine-tune; the version then has to name them, or they are cleared away when the job ends.
 */
export async function drawPictures(
  deps: AnswerDeps,
  heldOut: readonly Sample[],
  options: AnswerOptions & {
    projectId: string;
    fineTuneId: string;
    tuned: VersionRef;
    examples: Examples;
  },
): Promise<VersionPicture[]> {
  const { examples, tuned, projectId, fineTuneId, ...rest } = options;
  const pictures: VersionPicture[] = [];
  for (const kind of ["best", "median", "worst"] as const) {
    const sample = heldOut.find(({ annotation }) => annotation.id === examples[kind]);
    if (!sample) throw new Error(`the ${kind} example is not held out`);
    options.signal.throwIfAborted();
    const bytes = await pictureOf(deps, sample, { ...rest, tuned });
    const hash = sha256(bytes);
    const key = keys.picture(projectId, fineTuneId, `${kind}-${hash.slice(0, 16)}`);
    await deps.store.put(key, bytes, { contentType: "image/webp" });
    pictures.push({ kind, key, sha256: hash });
  }
  return pictures;
}

async function pictureOf(
  deps: AnswerDeps,
  sample: Sample,
  { tuned, ...options }: AnswerOptions & { tuned: VersionRef },
): Promise<Buffer> {
  const { box } = sample.annotation;
  const versions = [{ number: 0 }, tuned];
  const [base, after] = await answersOf(deps, sample.image, [{ box }], { ...options, versions });
  if (!base?.[0] || !after?.[0]) throw new Error("a prompt has no answer");
  const [truth, before, tunedMask] = [rleOf(sample), base[0].mask, after[0].mask];
  return drawComparison({
    image: await sourceOf(deps.store, sample.image).bytes(),
    box,
    before: decodeRle(before),
    after: decodeRle(tunedMask),
    truth: decodeRle(truth),
    beforeIou: rleIou(before, truth),
    afterIou: rleIou(tunedMask, truth),
  });
}
