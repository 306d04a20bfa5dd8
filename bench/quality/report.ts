import type { PairedGain, PromptKind } from "../../src/domain/evaluation.ts";
import type { JobName } from "./options.ts";

/** What one run of `npm run bench -- quality` found; --json prints exactly this. IoUs and Dice in [0, 1]. */
export interface QualityReport {
  readonly bench: "quality";
  readonly data: string;
  readonly cpu: string;
  readonly cores: number;
  /** The machine's load (1 minute) at the start and at the end: what else ran makes the seconds longer. */
  readonly load: readonly [number, number];
  readonly engine: string;
  readonly seed: number;
  readonly budget_seconds: number | null;
  readonly annotations: { readonly in_folder: number; readonly used: number };
  readonly split: {
    readonly images: Readonly<Record<"train" | "selection" | "test", number>>;
    readonly annotations: Readonly<Record<"train" | "selection" | "test", number>>;
    /** Groups of the test images; these are what the intervals are taken over. */
    readonly test_groups: number;
  };
  readonly embedding: { readonly made: number; readonly cached: number; readonly seconds: number };
  readonly rows: readonly QualityRow[];
  /** What was asked for and left out, and why. */
  readonly notes: readonly string[];
  readonly grid: GridReport | null;
}

export interface QualityRow {
  readonly what: "base" | JobName;
  readonly mean_iou: number;
  readonly mean_dice: number;
  /** Against the base, box prompts, paired by test annotation; null for the base itself. */
  readonly gain: PairedGain | null;
  /** Null for the base. */
  readonly run: {
    /** Test annotations that the fine-tune's own gate judged by; what is reported is on all. */
    readonly judged_by: number;
    readonly seconds: number;
    readonly phases: Readonly<Record<string, number>>;
    readonly promoted: boolean;
    readonly said: string;
    readonly best_epoch: number;
    readonly epochs_run: number;
    readonly recipe: Readonly<Record<string, unknown>>;
    /** What is encoded for a prompt, and what sharpens masks. */
    readonly focus: string;
    /** Warm answers as multiples of the base's, as the fine-tune measured them. */
    readonly warm: { readonly box: number; readonly click: number } | null;
    /** What trained it once more before it was served, if anything did; the scores of this row are of its twin before. */
    readonly refit: { readonly images: number; readonly samples: number } | null;
    readonly kept_back: KeptBackReport | null;
    /** By kind of prompt; the box on all test annotations, the others on some. */
    readonly prompts: readonly {
      readonly kind: PromptKind;
      readonly annotations: number;
      readonly groups: number;
      readonly base_mean_iou: number;
      readonly mean_iou: number;
      readonly gain: PairedGain;
      readonly boundary_gain: PairedGain;
      readonly base_calibration_error: number;
      readonly calibration_error: number;
    }[];
  } | null;
}

/** Exact boxes on images that no fine-tune was given. */
export interface KeptBackReport {
  readonly images: number;
  readonly annotations: number;
  readonly groups: number;
  readonly base_mean_iou: number;
  /** As it is served, and against the base. */
  readonly mean_iou: number;
  readonly gain: PairedGain;
  /** Its twin, which the images of its own project judged. */
  readonly twin_mean_iou: number;
}

export interface GridReport {
  readonly peer: string;
  readonly epochs: number;
  /** Mean IoU of the base on the test images by the peer's own code. */
  readonly base_mean_iou: number;
  readonly cells: readonly {
    readonly loss: string;
    readonly rate: number;
    readonly best_epoch: number;
    readonly selection_iou: number;
    readonly mean_iou: number;
    readonly seconds: number;
  }[];
  readonly seconds: number;
  /** The cell of the best test mean: the strongest peer, as it was chosen by the test images themselves. */
  readonly best: { readonly loss: string; readonly rate: number; readonly mean_iou: number };
  /** The cell that an expert would have shipped: the best on the selection images. */
  readonly chosen: { readonly loss: string; readonly rate: number; readonly mean_iou: number };
  /** Ours minus the grid's, paired; null where auto did not run. */
  readonly auto_minus_best: PairedGain | null;
  readonly auto_minus_chosen: PairedGain | null;
}

const three = (value: number): string => value.toFixed(3).replace(/^(-?)0\./, "$1.");
const signed = (value: number): string => (value < 0 ? three(value) : `+${three(value)}`);
const interval = ({ mean, low, high }: PairedGain): string =>
  low === null || high === null ? signed(mean) : `${signed(mean)} [${signed(low)}, ${signed(high)}]`;

/** The report for people, in Markdown. */
export function tableOf(report: QualityReport): string {
  const { split, embedding, grid } = report;
  const counts = (part: "train" | "selection" | "test"): string =>
    `${part} ${split.images[part]} images, ${split.annotations[part]} masks`;
  const { in_folder, used } = report.annotations;
  const lines = [
    `quality on ${report.data}: mean IoU of the test images at their own size, box prompts`,
    `${report.cpu}, ${report.cores} cores, load ${report.load.map((load) => load.toFixed(1)).join(" to ")}; ` +
      `engine ${report.engine}, seed ${report.seed}`,
    `${counts("train")}; ${counts("selection")}; ${counts("test")} in ${split.test_groups} groups` +
      (used < in_folder ? `; ${used} of ${in_folder} masks` : ""),
    `embedding: ${embedding.made} made, ${embedding.cached} from the cache, ${embedding.seconds.toFixed(1)} s`,
    "",
    "| | mean IoU | gain [95 %] | Dice | seconds | training | live | best epoch | recipe | sees | warm answers, x base |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
    ...report.rows.map(rowOf),
    ...report.rows.flatMap(promptLines),
    ...report.notes.map((note) => `\n${note}`),
  ];
  if (grid) lines.push("", ...gridLines(grid));
  return `${lines.join("\n")}\n`;
}

function rowOf({ what, mean_iou, mean_dice, gain, run }: QualityRow): string {
  const cells = run
    ? [
        run.seconds.toFixed(1),
        (run.phases["train"] ?? 0).toFixed(1),
        run.promoted ? "yes" : "no",
        `${run.best_epoch} of ${run.epochs_run}`,
        recipeOf(run.recipe),
        run.focus,
        run.warm ? `box ${run.warm.box}, click ${run.warm.click}` : "",
      ]
    : ["", "", "", "", "", "", ""];
  const scores = [three(mean_iou), gain ? interval(gain) : "", three(mean_dice)];
  return `| ${[what, ...scores, ...cells].join(" | ")} |`;
}

function promptLines({ what, run }: QualityRow): string[] {
  if (!run || run.prompts.length === 0) return [];
  return [
    "",
    `| ${what} | masks | base | mean IoU | gain [95 %] | boundary gain [95 %] | calibration error, base | after |`,
    "|---|---|---|---|---|---|---|---|",
    ...run.prompts.map((kind) => {
      const cells = [kind.kind, kind.annotations, three(kind.base_mean_iou), three(kind.mean_iou)];
      const gains = [interval(kind.gain), interval(kind.boundary_gain)];
      const errors = [three(kind.base_calibration_error), three(kind.calibration_error)];
      return `| ${[...cells, ...gains, ...errors].join(" | ")} |`;
    }),
  ];
}

const recipeOf = (recipe: Readonly<Record<string, unknown>>): string =>
  Object.entries(recipe)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");

function gridLines(grid: GridReport): string[] {
  const rates = [...new Set(grid.cells.map((cell) => cell.rate))];
  const losses = [...new Set(grid.cells.map((cell) => cell.loss))];
  const cell = (loss: string, rate: number): string => {
    const found = grid.cells.find((one) => one.loss === loss && one.rate === rate);
    return found ? `${three(found.mean_iou)} (epoch ${found.best_epoch})` : "";
  };
  const named = ({ loss, rate, mean_iou }: GridReport["best"]): string =>
    `${loss} ${rate}: ${three(mean_iou)}`;
  const minus = (what: string, gain: PairedGain | null): string[] =>
    gain ? [`auto minus ${what}: ${interval(gain)}`] : [];
  return [
    `grid: ${grid.peer}, ${grid.epochs} epochs a cell, ${grid.seconds.toFixed(0)} s in all; base ${three(grid.base_mean_iou)}`,
    "",
    `| | ${rates.join(" | ")} |`,
    `|---|${rates.map(() => "---|").join("")}`,
    ...losses.map((loss) => `| ${loss} | ${rates.map((rate) => cell(loss, rate)).join(" | ")} |`),
    "",
    `best on the test images: ${named(grid.best)}; chosen by the selection images: ${named(grid.chosen)}`,
    ...minus("the grid's best", grid.auto_minus_best),
    ...minus("the grid's chosen", grid.auto_minus_chosen),
  ];
}
