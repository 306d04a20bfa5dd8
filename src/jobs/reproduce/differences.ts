import type { TunedVersion } from "../../db/queries/versions.ts";
import { canonicalJson } from "../../lib/hash.ts";

/** What of a version is another in the one that was made again. */
export interface Difference {
  readonly what: "weights" | "judged_weights" | "focus" | "finder" | "hyperparameters" | "scores";
  readonly made: unknown;
  readonly again: unknown;
}

/** What of a version its data, seed and engine decide. Measured times are none of it. */
const decidedOf = (version: TunedVersion): Record<Difference["what"], unknown> => ({
  weights: version.weightsSha256,
  // The twin that was judged, where the version was trained once more on all images.
  judged_weights: version.refit?.twin.weightsSha256 ?? version.weightsSha256,
  focus: version.focus,
  finder: version.finder?.sha256 ?? null,
  hyperparameters: version.hyperparameters,
  scores: { held_out: version.metrics.heldOut, annotations: version.metrics.perAnnotation },
});

/** Empty where they are the same, bit for bit. */
export function differencesOf(made: TunedVersion, again: TunedVersion): Difference[] {
  const [before, after] = [decidedOf(made), decidedOf(again)];
  return (Object.keys(before) as Difference["what"][])
    .filter((what) => canonicalJson(before[what]) !== canonicalJson(after[what]))
    .map((what) => ({ what, made: before[what], again: after[what] }));
}
