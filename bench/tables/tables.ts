/** The documents' tables, each a function of what lies in bench/results. */

/** What a bench printed with --json, by its name in bench/results. */
export type Results = (name: string) => unknown;

interface Gain {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}
/** As far as the tables read bench/quality/report.ts. */
interface Quality {
  readonly split: { readonly annotations: Readonly<Record<"train" | "selection" | "test", number>> };
  readonly rows: readonly {
    readonly what: string;
    readonly mean_iou: number;
    readonly gain?: Gain | null;
    readonly run?: {
      readonly seconds: number;
      readonly focus: string;
      readonly warm?: { readonly box: number; readonly click: number } | null;
      readonly prompts: readonly {
        readonly kind: string;
        readonly base_mean_iou: number;
        readonly mean_iou: number;
        readonly gain: Gain;
        readonly boundary_gain: Gain;
        readonly base_calibration_error: number;
        readonly calibration_error: number;
      }[];
    } | null;
  }[];
  readonly grid: { readonly best: { readonly mean_iou: number } } | null;
}
interface Timing {
  readonly rows: readonly {
    readonly what: string;
    readonly ours_ms: number | null;
    readonly peer_ms: number | null;
    readonly ratio: number;
  }[];
}
interface Scale {
  readonly images: readonly number[];
  readonly rows: readonly {
    readonly route: string;
    readonly blocks: readonly number[];
    readonly ratio: number;
  }[];
}

type Rows = { readonly rows: readonly Readonly<Record<string, string | number | null>>[] };

const three = (value: number): string => value.toFixed(3).replace(/^(-?)0\./, "$1.");
const signed = (value: number): string => (value < 0 ? three(value) : `+${three(value)}`);
const gainOf = ({ mean, low, high }: Gain): string =>
  low === null || high === null ? signed(mean) : `${signed(mean)} [${signed(low)}, ${signed(high)}]`;

/** A Markdown table, its columns padded as oxfmt pads them. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, i) => Math.max(3, ...cells.map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (row[i] ?? "").padEnd(width)).join(" | ")} |`;
  const [first, ...rest] = cells.map(line) as [string, ...string[]];
  return [first, line(widths.map((width) => "-".repeat(width))), ...rest].join("\n");
}

const sets = {
  stamps: "stamps on scans",
  tiles: "defects of magnetic tiles",
  nuclei: "cell nuclei",
} as const;
type SetName = keyof typeof sets;
const setNames = Object.keys(sets) as SetName[];

const quality = (results: Results, name: string): Quality => results(`quality-${name}`) as Quality;

/** The base's row and that of `serving: best`. */
function baseAndBest({ rows }: Quality) {
  const [base, best] = ["base", "best"].map((what) => rows.find((row) => row.what === what));
  if (!base || !best?.run) throw new Error("there is no row of base or best");
  const box = best.run.prompts.find(({ kind }) => kind === "box");
  if (!box) throw new Error("there are no scores of boxes");
  return { base, best, run: best.run, box };
}

function gains(results: Results): string {
  const rows = setNames.map((name) => {
    const report = quality(results, name);
    const { base, best, run, box } = baseAndBest(report);
    const { annotations } = report.split;
    const learnt = (annotations.train + annotations.selection).toLocaleString("en");
    const scores = [three(base.mean_iou), `**${three(best.mean_iou)}**`, gainOf(box.gain)];
    return [sets[name], learnt, annotations.test, ...scores, `${run.seconds} s`];
  });
  return table(
    ["", "masks to learn from", "held-out masks", "untuned", "tuned", "gain [95 %]", "took"],
    rows,
  );
}

function peers(results: Results): string {
  const rows = setNames.map((name) => {
    const report = quality(results, name);
    const { base, best, run } = baseAndBest(report);
    const grid = report.grid?.best.mean_iou;
    const cells = grid === undefined ? ["", ""] : [three(grid), signed(best.mean_iou - grid)];
    return [sets[name], three(base.mean_iou), `**${three(best.mean_iou)}**`, ...cells, run.focus];
  });
  return table(["", "untuned", "tuned", "the grid's best", "tuned less that", "chose"], rows);
}

function kinds(name: SetName): (results: Results) => string {
  return (results) => {
    const { run } = baseAndBest(quality(results, name));
    const rows = run.prompts.map((one) => [
      one.kind.replaceAll("_", " "),
      three(one.base_mean_iou),
      three(one.mean_iou),
      gainOf(one.gain),
      gainOf(one.boundary_gain),
      three(one.base_calibration_error),
      three(one.calibration_error),
    ]);
    const head = [
      "",
      "untuned",
      "tuned",
      "gain [95 %]",
      "boundary gain [95 %]",
      "calibration error, untuned",
      "tuned",
    ];
    return table(head, rows);
  };
}

function servings(results: Results): string {
  const rows = quality(results, "servings").rows.map(({ what, mean_iou, gain, run }) => {
    const click = run?.prompts.find(({ kind }) => kind === "one_click")?.mean_iou;
    const cells = [three(mean_iou), gain ? gainOf(gain) : "", click === undefined ? "" : three(click)];
    const names: Record<string, string> = { auto: "`interactive`, the default", best: "`best`" };
    return [names[what] ?? "untuned", run?.focus ?? "", ...cells, run?.warm?.box ?? 1, run?.warm?.click ?? 1];
  });
  const head = [
    "serving",
    "sees",
    "box",
    "gain [95 %]",
    "one click",
    "a box takes, x base",
    "a click, x base",
  ];
  return table(head, rows);
}

function train(results: Results): string {
  const rows = [1, 2].flatMap((threads) =>
    (results(`train-${threads}-thread${threads > 1 ? "s" : ""}`) as Timing).rows.map((row) => [
      `${row.what}, ${threads} thread${threads > 1 ? "s" : ""}`,
      row.ours_ms?.toFixed(1) ?? "",
      row.peer_ms?.toFixed(1) ?? "",
      three(row.ratio),
    ]),
  );
  return table(["ms per sample", "ours", "PyTorch", "ratio"], rows);
}

const decode = (results: Results): string =>
  table(
    ["one prompt with its mask", "by Meta's time"],
    (results("decode") as Timing).rows.map(({ what, ratio }) => [what, three(ratio)]),
  );

/** SAM 2's: whole answers, then optimizer steps. */
const sam2 = (results: Results): string => {
  const rowsOf = (name: string): Timing["rows"] => (results(name) as Timing).rows;
  const rows = [
    ...rowsOf("decode-sam2"),
    ...rowsOf("train-sam2").map((row) => ({ ...row, what: `a sample of one step, ${row.what}` })),
  ];
  return table(
    ["SAM 2", "by transformers' time"],
    rows.map(({ what, ratio }) => [what, three(ratio)]),
  );
};

const encode = (results: Results): string =>
  table(
    ["one image by the encoder of", "by transformers' time"],
    (results("encode") as Timing).rows.map(({ what, ratio }) => [what, three(ratio)]),
  );

/** Routes by what they read at the second look; what reads next to nothing at either is left out. */
function scale(results: Results): string {
  const { images, rows } = results("scale") as Scale;
  const read = rows
    .filter(({ blocks }) => (blocks[1] ?? 0) >= 10)
    .toSorted((a, b) => (b.blocks[1] ?? 0) - (a.blocks[1] ?? 0));
  return table(
    ["8 KiB blocks read, with images", ...images.map((count) => String(count)), "ratio"],
    read.map(({ route, blocks, ratio }) => [`\`${route}\``, ...blocks, ratio]),
  );
}

function columns(name: string, heads: Readonly<Record<string, string>>): (results: Results) => string {
  return (results) =>
    table(
      Object.values(heads),
      (results(name) as Rows).rows.map((row) => Object.keys(heads).map((key) => row[key] ?? "")),
    );
}

/** By the name that stands in the document. */
export const tables: Readonly<Record<string, (results: Results) => string>> = {
  gains,
  peers,
  servings,
  ...Object.fromEntries(setNames.map((name) => [`kinds-${name}`, kinds(name)])),
  train,
  decode,
  encode,
  sam2,
  scale,
  versions: columns("versions", {
    what: "",
    prompt: "prompt",
    warm_ms: "warm ms",
    base_warm_ms: "base ms",
    warm_ratio: "ratio",
    warm_limit: "aim",
    cold_ms: "cold ms",
    encodes: "encodes",
    cold_by_encodes: "cold by them",
  }),
  api: columns("api", {
    what: "",
    clients: "clients",
    requests_per_second: "a second",
    ratio: "of the bare decoder",
    ratio_with_masks: "with masks",
    ratio_with_prefix: "with its prefix kept",
    p50_ms: "p50 ms",
    p99_ms: "p99 ms",
    errors: "errors",
    fairness: "least / most",
  }),
};
