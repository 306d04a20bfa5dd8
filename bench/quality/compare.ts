import type { PairedGain } from "../../src/db/schema/index.ts";
import { pairedGain } from "../../src/training/evaluation/interval.ts";
import { meanOf } from "../../src/training/evaluation/score.ts";
import type { PreparedData } from "../../src/training/prepare.ts";
import { randomFor, type Sample } from "../../src/training/samples.ts";
import type { Grid, GridCell } from "./grid.ts";
import type { JobName } from "./options.ts";
import type { FineTuned } from "./product.ts";
import type { GridReport, QualityRow } from "./report.ts";

export interface Done {
  readonly name: JobName;
  /** As the fine-tune's own project has it. */
  readonly data: PreparedData;
  readonly tuned: FineTuned;
}

/** The base and every fine-tune, as their versions tell of themselves. */
export function rowsOf(done: readonly Done[]): QualityRow[] {
  const rows = done.map(({ name, tuned }): QualityRow => {
    const { version, promoted, said, seconds, phases } = tuned;
    const { heldOut, bestEpoch, curve, evaluation } = version.metrics;
    const prompts = (evaluation?.prompts ?? []).map(
      ({ kind, annotations, groups, base, tuned: ours, gain }) => ({
        kind,
        annotations,
        groups,
        base_mean_iou: base.meanIou,
        mean_iou: ours.meanIou,
        gain: gain.iou,
        boundary_gain: gain.boundaryIou,
        base_calibration_error: base.calibrationError,
        calibration_error: ours.calibrationError,
      }),
    );
    return {
      what: name,
      mean_iou: heldOut.tuned.meanIou,
      mean_dice: heldOut.tuned.meanDice,
      gain: prompts.find(({ kind }) => kind === "box")?.gain ?? null,
      run: {
        seconds,
        phases,
        promoted,
        said,
        best_epoch: bestEpoch,
        epochs_run: curve.length - 1,
        recipe: version.hyperparameters,
        prompts,
      },
    };
  });
  // The base of the auto that everything is compared with, where there is one: it may be judged by fewer samples.
  const like = done.find(({ name }) => name === "auto") ?? done[0];
  const base = like?.tuned.version.metrics.heldOut.base;
  if (!base) return rows;
  return [{ what: "base", mean_iou: base.meanIou, mean_dice: base.meanDice, gain: null, run: null }, ...rows];
}

/** Indexes of the held-out samples that auto's version was judged by: a closer look at many sees some of them. */
function judgedBy(data: PreparedData, auto: Done | undefined): number[] {
  const indexes = data.heldOut.map((_, i) => i);
  if (!auto) return indexes;
  const scored = new Set(auto.tuned.version.metrics.perAnnotation.map(({ annotationId }) => annotationId));
  return indexes.filter((i) => scored.has(auto.data.heldOut[i]?.annotation.id ?? ""));
}

/** The grid's cells, and ours less theirs on the same test samples. */
export function gridReport(
  { base, cells, peer }: Grid,
  { epochs, data, auto }: { epochs: number; data: PreparedData; auto: Done | undefined },
): GridReport {
  const judged = judgedBy(data, auto);
  const mean = (test: readonly number[]): number => meanOf(judged.map((i) => test[i] as number));
  const most = (of: (cell: GridCell) => number): GridCell =>
    cells.reduce((best, cell) => (of(cell) > of(best) ? cell : best));
  const best = most((cell) => mean(cell.test));
  const chosen = most((cell) => cell.selectionIou);
  const named = ({ loss, rate, test }: GridCell) => ({ loss, rate, mean_iou: mean(test) });
  const minus = (cell: GridCell): PairedGain | null => (auto ? gainOver(cell.test, data, auto) : null);
  return {
    peer,
    epochs,
    base_mean_iou: mean(base),
    cells: cells.map(({ loss, rate, bestEpoch, selectionIou, test, seconds }) => ({
      loss,
      rate,
      best_epoch: bestEpoch,
      selection_iou: selectionIou,
      mean_iou: mean(test),
      seconds,
    })),
    seconds: cells.reduce((sum, { seconds }) => sum + seconds, 0),
    best: named(best),
    chosen: named(chosen),
    auto_minus_best: minus(best),
    auto_minus_chosen: minus(chosen),
  };
}

/**
 * `theirs` are in the order of the held-out samples of `data`. The project of `auto` has other ids, but its samples stand
 * in the same order, which goes by content.
 */
export function gainOver(theirs: readonly number[], data: PreparedData, auto: Done): PairedGain {
  const { perAnnotation } = auto.tuned.version.metrics;
  const ours = new Map(perAnnotation.map(({ annotationId, tunedIou }) => [annotationId, tunedIou]));
  const differences = judgedBy(data, auto).map((i) => {
    const { annotation } = auto.data.heldOut[i] as Sample;
    const [value, peer, sample] = [ours.get(annotation.id), theirs[i], data.heldOut[i]];
    if (value === undefined || peer === undefined || sample?.annotation.counts !== annotation.counts)
      throw new Error(`the version and the grid were not scored on the same test samples (number ${i})`);
    return { group: data.groupOf(sample.image), value: value - peer };
  });
  return pairedGain(differences, randomFor(0, "grid"));
}
