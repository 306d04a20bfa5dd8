import { type EmptyImage, selectKnownEmpty } from "../../db/queries/known-empty.ts";
import type { Version } from "../../db/queries/versions.ts";
import type { Finder, FinderMetrics } from "../../domain/finder.ts";
import type { FindingVersion } from "../../inference/find/types.ts";
import type { VersionRef } from "../../inference/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { keys } from "../../storage/keys.ts";
import type { PreparedData } from "../../training/data/prepare.ts";
import { emptyLessons, mostEmpty } from "../../training/finder/empty-images.ts";
import { finderSteps, stepsInAll } from "../../training/finder/finder-steps.ts";
import { judgeFinder } from "../../training/finder/judge-finder.ts";
import { trainFinder } from "../../training/finder/train-finder.ts";
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
  const { teaching, judging } = emptyLessons(known.map(asSnapshot));
  const onStep = async (done: number): Promise<void> => run.progress("find", done);
  const { file, settings, empty } = await trainFinder(run, data, steps, { empty: teaching, onStep });
  const finder = await storeFinder(run, file, settings);
  const finding: FindingVersion = { ...version, finder };
  const judged = await judgeFinder(run, data, { version: finding, live: findingOf(live), empty: judging });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const metrics = { ...judged, seconds };
  await run.tell(finderEvent(metrics, empty));
  return { finder: judged.gate.promote ? finder : null, metrics };
}

const asSnapshot = ({ id, sha256: hash, bytes, width, height, objectKey, splitGroup }: EmptyImage) => ({
  id,
  sha256: hash,
  bytes,
  width,
  height,
  object_key: objectKey,
  group: splitGroup,
});

const findingOf = (live: Version | null): FindingVersion | null =>
  live?.finder ? { ...live, finder: live.finder } : null;

/** Writes the weights under their own hash, before anything refers to them. */
async function storeFinder(
  { services, row, project }: RunContext,
  file: Uint8Array,
  settings: Omit<Finder, "key" | "sha256" | "bytes">,
): Promise<Finder> {
  const hash = sha256(file);
  const key = keys.finder(project.id, row.id, hash);
  await services.store.put(key, file);
  return { key, sha256: hash, bytes: file.byteLength, ...settings };
}

function finderEvent({ all, images, gate, seconds }: FinderMetrics, empty: number) {
  const verb = gate.promote ? "finds its objects without prompts" : "does not find without prompts";
  return {
    level: gate.promote ? ("info" as const) : ("warn" as const),
    message: `The version ${verb}: ${gate.reason} (${images} held-out images, ${seconds} s${empty > 0 ? `; ${empty} images that hold nothing taught it, too` : ""})`,
    data: {
      ap50: all.ap50,
      ap: all.ap,
      pq: all.pq,
      precision: all.precision,
      recall: all.recall,
      mean_iou: all.meanIou,
    },
  };
}
