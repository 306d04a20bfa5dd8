import type { VersionRef } from "../../inference/types.ts";
import { scoreVersions } from "./box-scores.ts";
import { meanScores, type Score } from "./score.ts";
import type { PreparedData } from "../data/prepare.ts";
import type { Run } from "../run.ts";
import type { Sample } from "../data/samples.ts";

/** What was there before training; scores are for exact boxes, in the order of their samples. */
export interface Before {
  /** On what is held out. */
  readonly base: readonly Score[];
  /** Scores of the version that training starts from; none where that is the base. */
  readonly parent: readonly Score[] | undefined;
  readonly active: { readonly number: number; readonly scores: readonly Score[] } | undefined;
  /** What training starts from, on the samples that choose. */
  readonly start: readonly Score[];
}

/**
 * Scores the start on what chooses; base, start and live version on what is held out.
 * @param live the version that answers now; null is the base
 */
export async function scoreBefore(
  run: Run,
  data: PreparedData,
  { start, live }: { start: VersionRef; live: VersionRef | null },
): Promise<Before> {
  const versions: VersionRef[] = [{ number: 0 }];
  if (start.number !== 0) versions.push(start);
  if (live && live.number !== start.number) versions.push(live);
  const { services, images: options } = run;
  const scored = await scoreVersions(services, data.heldOut, { ...options, versions });
  const scoresOf = (number: number): readonly Score[] | undefined =>
    scored[versions.findIndex((version) => version.number === number)];
  const base = scoresOf(0);
  const active = live ? scoresOf(live.number) : undefined;
  const parent = start.number === 0 ? undefined : scoresOf(start.number);
  const [chosen] = await scoreVersions(services, data.selection, { ...options, versions: [start] });
  if (!base || !chosen) throw new Error("the start was not scored");
  const { meanIou, meanDice } = meanScores(base);
  await run.tell({
    type: "metrics",
    message: `Untuned: mean IoU ${meanIou.toFixed(3)} on ${data.heldOut.length} held-out annotations`,
    data: {
      base_mean_iou: meanIou,
      base_mean_dice: meanDice,
      ...(parent && { parent_mean_iou: meanScores(parent).meanIou }),
    },
  });
  return {
    base,
    parent,
    active: live && active ? { number: live.number, scores: active } : undefined,
    start: chosen,
  };
}

type Judges = Pick<PreparedData, "heldOut" | "selection">;

/** The scores of `some` of the samples that `all` were scored on, so that a version is compared on what it is judged by. */
export function onSome(before: Before, all: Judges, some: Judges): Before {
  const of = (from: readonly Sample[], to: readonly Sample[]) => {
    const indexes = new Map(from.map((sample, index) => [sample, index]));
    return (scores: readonly Score[]): Score[] =>
      to.map((sample) => scores[indexes.get(sample) as number] as Score);
  };
  const heldOut = of(all.heldOut, some.heldOut);
  const { base, parent, active, start } = before;
  return {
    base: heldOut(base),
    parent: parent && heldOut(parent),
    active: active && { ...active, scores: heldOut(active.scores) },
    start: of(all.selection, some.selection)(start),
  };
}
