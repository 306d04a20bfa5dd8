import { askIfComplete } from "../../db/queries/complete-images.ts";
import { selectKnownEmpty } from "../../db/queries/known-empty.ts";
import type { Version } from "../../db/queries/versions.ts";
import type { Finder, FinderMetrics } from "../../domain/finder.ts";
import type { FindingVersion } from "../../inference/find/types.ts";
import type { VersionRef } from "../../inference/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { keys } from "../../storage/keys.ts";
import { snapshotImage } from "../../training/data/snapshot.ts";
import type { PreparedData } from "../../training/data/prepare.ts";
import { emptyLessons, mostEmpty } from "../../training/finder/empty-images.ts";
import { finderSteps, stepsInAll } from "../../training/finder/finder-steps.ts";
import { mostLabels } from "../../training/finder/lessons.ts";
import { judgeFinder } from "../../training/finder/judge-finder.ts";
import { type TrainedFinder, trainFinder } from "../../training/finder/train-finder.ts";
import type { Recipe } from "../../training/loop/recipe.ts";
import type { RunContext } from "./context.ts";

/** What a version finds with, null where it can't, and what was measured of it. */
export interface AddedFinder {
  readonly finder: Finder | null;
  readonly metrics?: FinderMetrics;
}

/**
 * Teaches a version to find its objects without prompts, and judges that on what was held out. A finder that is held back is
 * told of and not kept; the version's decoder goes its own way.
 * @param version its weights lie in the object store; it has no number yet
 * @param live the version that answers now; null is the base
 */
export async function addFinder(
  run: RunContext,
  data: PreparedData,
  { version, recipe, live }: { version: VersionRef; recipe: Recipe; live: Version | null },
): Promise<AddedFinder> {
  const steps = finderSteps(data.asked, recipe);
  if (!steps) {
    if (data.asked.finder !== "none")
      await run.tell({
        message: 'No finder was trained: this fine-tune is too short for one; ask for finder: "always"',
      });
    return { finder: null };
  }
  const started = performance.now();
  run.meter.plan({ find: stepsInAll(steps) });
  await run.progress("find", 0);
  const known = await selectKnownEmpty(run.services.db, run.scope, mostEmpty);
  const { family } = await run.services.inference.baseModel(run.images.baseModel);
  const empty = known.images.map((image) => snapshotImage(image, family));
  const { teaching, judging } = emptyLessons(empty);
  const onStep = async (done: number, inAll: number): Promise<void> => {
    run.meter.plan({ find: Math.max(stepsInAll(steps), inAll) });
    await run.progress("find", done);
  };
  const trained = await trainFinder(run, data, steps, { empty: teaching, onStep });
  const finder = await storeFinder(run, trained);
  const finding: FindingVersion = { ...version, finder };
  const judged = await judgeFinder(run, data, {
    version: finding,
    live: findingOf(live),
    empty: judging,
    partial: trained.partial.heldOut,
  });
  const { taught, heldOut, asked } = trained.partial;
  await askIfComplete(run.services.db, run.scope, asked);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const partial = { taught, leftOut: heldOut.size, asked: asked.length };
  const metrics: FinderMetrics = { ...judged, partial, seconds };
  await run.tell(finderEvent(metrics, trained, { heldOut: data.counts.heldOut, empty: known.count }));
  return { finder: judged.gate.promote ? finder : null, metrics };
}

const findingOf = (live: Version | null): FindingVersion | null =>
  live?.finder ? { ...live, finder: live.finder } : null;

/** Writes the weights under their own hash, before anything refers to them. */
async function storeFinder(
  { services, row, project }: RunContext,
  { file, settings }: TrainedFinder,
): Promise<Finder> {
  const hash = sha256(file);
  const key = keys.finder(project.id, row.id, hash);
  await services.store.put(key, file);
  return { key, sha256: hash, bytes: file.byteLength, ...settings };
}

/** @param all images that are held out, and those that are known to hold nothing: not all of them need have been looked at */
function finderEvent(
  { all: scores, images, emptyImages, partial, gate, seconds }: FinderMetrics,
  { empty, untaught }: TrainedFinder,
  all: { heldOut: number; empty: number },
) {
  const verb = gate.promote ? "finds its objects without prompts" : "does not find without prompts";
  const facts = [
    `${images - emptyImages} of ${all.heldOut} held-out images judged it in ${seconds} s`,
    all.empty > 0 &&
      `of ${all.empty} images that hold nothing ${empty} taught it and ${emptyImages} judged it`,
    partial &&
      partial.taught + partial.leftOut > 0 &&
      `${partial.taught + partial.leftOut} images seem to be annotated in part only: what lies beside their annotations taught nothing, and ${partial.leftOut} of them, held out, did not judge`,
    partial && partial.asked > 0 && `of ${partial.asked} images it asks whether all on them is annotated`,
    untaught.labels > 0 &&
      `${untaught.labels} labels with fewer objects (${untaught.objects} in all) are beyond the ${mostLabels} that a finder is taught`,
  ].filter(Boolean);
  return {
    level: gate.promote ? ("info" as const) : ("warn" as const),
    message: `The version ${verb}: ${gate.reason} (${facts.join("; ")})`,
    data: {
      ap50: scores.ap50,
      ap: scores.ap,
      pq: scores.pq,
      precision: scores.precision,
      recall: scores.recall,
      mean_iou: scores.meanIou,
    },
  };
}
