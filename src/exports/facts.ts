import type { Version } from "../db/queries/versions.ts";
import { isPlain } from "../domain/focus.ts";
import { scoresOf } from "./card-scores.ts";
import type { ExportSubject, Holds } from "./types.ts";

/**
 * How images and prompts have to be brought before the decoder, where that is not SAM's own way: the one place where a
 * version's settings of that kind enter its card and its files. Names and values are text.
 */
export function promptingOf(version: Version | null): Readonly<Record<string, string>> {
  return version && !isPlain(version.focus) ? { focus: JSON.stringify(version.focus) } : {};
}

/** The same for people, who do not read a network's numbers. */
export function promptingForPeople(version: Version | null): Readonly<Record<string, string>> {
  const refine = version?.focus.refine;
  if (!version || !refine || !("point_head" in refine)) return promptingOf(version);
  const short = { point_head: { ...refine.point_head, weights: "… (in the file's own property `focus`)" } };
  return { focus: JSON.stringify({ ...version.focus, refine: short }) };
}

/** What every exported file says of itself, in its format's own place for such things; text to text. */
export function factsOf({ projectId, base, version }: ExportSubject, holds: Holds): Record<string, string> {
  return {
    made_by: "maskwright",
    project: projectId,
    version: version ? String(version.number) : "base",
    base_model: base.name,
    encoder: base.embeddingId,
    ...(version?.snapshotHash && { snapshot_hash: version.snapshotHash }),
    ...(version && { weights_sha256: version.weightsSha256 }),
    licence: base.licence,
    holds,
    ...scoresOf(version),
    ...promptingOf(version),
  };
}
