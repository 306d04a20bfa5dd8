import type { PairedGain } from "../../src/domain/evaluation.ts";
import { refinedBy } from "../../src/imaging/focus-cost.ts";
import type { Focus } from "../../src/domain/focus.ts";
import { pairedGain } from "../../src/training/evaluation/interval.ts";
import { promptMetrics } from "../../src/training/evaluation/evaluation.ts";
import { meanOf, meanScores, type Score } from "../../src/training/evaluation/score.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { randomFor } from "../../src/training/data/samples.ts";
import { zoomText } from "../../src/training/search/trials.ts";
import type { Grid, GridCell } from "./grid.ts";
import type { JobName } from "./options.ts";
import type { FineTuned } from "../lib/product/product.ts";
import type { GridReport, KeptBackReport, QualityRow } from "./report.ts";

export interface Done {
  readonly name: JobName;
  /** As the fine-tune's own project has it. */
  readonly data: PreparedData;
  readonly tuned: FineTuned;
  /** On all held-out samples of `data`, in their order, exact boxes; the version's own metrics may be of some. */
  readonly test: { readonly base: readonly Score[]; readonly tuned: readonly Score[] };
  readonly keptBack: KeptBackReport | null;
}

const focusText = ({ zoom, refine }: Focus): string =>
  [zoomText(zoom), refinedBy(refine)].filter((part) => part !== null).join(", ");

/** The base and every fine-tune: boxes on all test samples, other prompts as the versions tell of themselves. */
export function rowsOf(done: readonly Done[]): QualityRow[] {
  const rows = done.map(({ name, data, tuned, test, keptBack }): QualityRow => {
    const { version, promoted, said, seconds, phases } = tuned;
    const { bestEpoch, curve, evaluation, latency, perAnnotation } = version.metrics;
    const box = promptMetrics({ kind: "box", samples: data.heldOut, ...test }, data.groupOf);
    const others = (evaluation?.prompts ?? []).filter(({ kind }) => kind !== "box");
    const prompts = [box, ...others].map(({ kind, annotations, groups, base, tuned: ours, gain }) => ({
      kind,
      annotations,
      groups,
      base_mean_iou: base.meanIou,
      mean_iou: ours.meanIou,
      gain: gain.iou,
      boundary_gain: gain.boundaryIou,
      base_calibration_error: base.calibrationError,
      calibration_error: ours.calibrationError,
    }));
    return {
      what: name,
      mean_iou: box.tuned.meanIou,
      mean_dice: box.tuned.meanDice,
      gain: box.gain.iou,
      run: {
        judged_by: perAnnotation.length,
        seconds,
        phases,
        promoted,
        said,
        best_epoch: bestEpoch,
        epochs_run: curve.length - 1,
        recipe: version.hyperparameters,
        focus: focusText(version.focus),
        warm: latency ? { box: latency.box.ratio, click: latency.click.ratio } : null,
        refit: version.refit && { images: version.refit.images, samples: version.refit.samples },
        kept_back: keptBack,
        prompts,
      },
    };
  });
  // The same samples for every fine-tune, so the same scores.
  const base = done[0] && meanScores(done[0].test.base);
  if (!base) return rows;
  return [{ what: "base", mean_iou: base.meanIou, mean_dice: base.meanDice, gain: null, run: null }, ...rows];
}

/** The grid's cells, and ours less theirs on the same test samples. */
export function gridReport(
  { base, cells, peer }: Grid,
  { epochs, data, auto }: { epochs: number; data: PreparedData; auto: Done | undefined },
): GridReport {
  const most = (of: (cell: GridCell) => number): GridCell =>
    cells.reduce((best, cell) => (of(cell) > of(best) ? cell : best));
  const best = most((cell) => meanOf(cell.test));
  const chosen = most((cell) => cell.selectionIou);
  const named = ({ loss, rate, test }: GridCell) => ({ loss, rate, mean_iou: meanOf(test) });
  const minus = (cell: GridCell): PairedGain | null => (auto ? gainOver(cell.test, data, auto) : null);
  return {
    peer,
    epochs,
    base_mean_iou: meanOf(base),
    cells: cells.map(({ loss, rate, bestEpoch, selectionIou, test, seconds }) => ({
      loss,
      rate,
      best_epoch: bestEpoch,
      selection_iou: selectionIou,
      mean_iou: meanOf(test),
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
export function gainOver(
  theirs: readonly number[],
  data: PreparedData,
  auto: Pick<Done, "data" | "test">,
): PairedGain {
  const differences = data.heldOut.map((sample, i) => {
    const [value, peer, own] = [auto.test.tuned[i], theirs[i], auto.data.heldOut[i]];
    if (!value || peer === undefined || own?.annotation.counts !== sample.annotation.counts)
      throw new Error(`the version and the grid were not scored on the same test samples (number ${i})`);
    return { group: data.groupOf(sample.image), value: value.iou - peer };
  });
  return pairedGain(differences, randomFor(0, "grid"));
}
