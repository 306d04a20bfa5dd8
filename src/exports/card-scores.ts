import { decoderAloneOf, type Version } from "../db/queries/versions.ts";
import type { PairedGain, PromptMetrics } from "../domain/evaluation.ts";
import type { VersionLatency } from "../domain/serving.ts";
import type { VersionMetrics } from "../domain/version.ts";
import { isPlain } from "../domain/focus.ts";
import { share, table } from "./markdown.ts";
import type { Holds } from "./types.ts";

/**
 * How well a version does, as far as that is true of the file that the card lies in: a file with the decoder alone is
 * told by what was measured of the decoder alone, and how it is served stands beside it.
 */
export function scoresText(version: Version, holds: Holds): string {
  const { metrics } = version;
  if (!metrics) return "Not measured here: it was imported.";
  const plain = isPlain(version.focus);
  const parts = [setText(metrics), ...refitText(version), meansTable(version, metrics, holds)];
  const { evaluation, latency } = metrics;
  if (holds === "decoder" && !plain)
    parts.push(
      "Kinds of prompts were measured as served only; the version's own card (`format=card`) has them.",
    );
  else if (evaluation) parts.push(kindsIntro, kindsTable(evaluation.prompts));
  if (holds === "card" && latency) parts.push(latencyText(latency));
  return parts.join("\n\n");
}

const setText = ({ heldOut, split }: VersionMetrics): string =>
  `On ${heldOut.images} held-out images with ${heldOut.annotations} annotations, which no training step and no choice of ` +
  `epoch has seen (train ${split.train}, selection ${split.selection}, held out ${split.heldOut} images), masks at the ` +
  "images' original size.";

/** Whose scores these are, where the file holds what all images have trained. */
const refitText = ({ refit }: Pick<Version, "refit">): string[] =>
  refit
    ? [
        `The scores are those of a twin that never saw these images. After the verdict it was trained once more on all ${refit.images} annotated images, those held out among them, and that is what is served and what this file is of; no image is left to measure it on.`,
      ]
    : [];

function meansTable(version: Version, { heldOut }: VersionMetrics, holds: Holds): string {
  const alone = decoderAloneOf(version);
  const row = (name: string, scores: { meanIou: number; meanDice: number } | null): string[] => [
    name,
    ...(scores ? [share(scores.meanIou), share(scores.meanDice)] : ["not measured", "not measured"]),
  ];
  const own = isPlain(version.focus)
    ? [row("this version", heldOut.tuned)]
    : holds === "decoder"
      ? [
          row("this file: the decoder alone", alone),
          row("the version as maskwright serves it", heldOut.tuned),
        ]
      : [row("this version, as served", heldOut.tuned), row("its decoder alone, on the whole image", alone)];
  return table(
    ["with the exact box", "mean IoU", "mean Dice"],
    [
      row("base", heldOut.base),
      ...(heldOut.parent ? [row("parent version, as served", heldOut.parent)] : []),
      ...own,
    ],
  );
}

const kindsIntro =
  "By kind of prompt, as served; gains are paired, with 95 % bootstrap intervals over groups of images:";

const kindsTable = (prompts: readonly PromptMetrics[]): string =>
  table(
    [
      "prompt",
      "annotations",
      "groups",
      "IoU: base",
      "this",
      "gain",
      "boundary IoU gain",
      "calibration error",
    ],
    prompts.map(({ kind, annotations, groups, base, tuned, gain }) => [
      kind.replaceAll("_", " "),
      String(annotations),
      String(groups),
      share(base.meanIou),
      share(tuned.meanIou),
      gainText(gain.iou),
      gainText(gain.boundaryIou),
      `${share(base.calibrationError)} → ${share(tuned.calibrationError)}`,
    ]),
  );

const gainText = ({ mean, low, high }: PairedGain): string =>
  `${signed(mean)}${low === null || high === null ? "" : ` [${signed(low)}, ${signed(high)}]`}`;
const signed = (value: number): string => `${value < 0 ? "" : "+"}${share(value)}`;

/** Latency of maskwright's own serving, so it stands on the version's card alone. */
function latencyText({ prompts, box, click }: VersionLatency): string {
  const ms = (value: number): string => value.toFixed(0);
  const rows = Object.entries({ box, click }).map(([name, of]) => [
    name,
    ms(of.warmMs),
    ms(of.baseWarmMs),
    of.ratio.toFixed(2),
    ms(of.coldMs),
    String(of.encodes),
  ]);
  const head = ["prompt", "warm, ms", "base, ms", "ratio", "cold, ms", "encodes when cold"];
  return `How long it takes to answer where maskwright serves it, on the machine that trained it, medians of ${prompts} prompts:\n\n${table(head, rows)}`;
}

/** The scores of a file's card as data, for programs that read the file; empty where nothing was measured. */
export function scoresOf(version: Version | null): Record<string, string> {
  const { metrics } = version ?? {};
  if (!version || !metrics) return {};
  const { heldOut } = metrics;
  const alone = decoderAloneOf(version);
  const scores = {
    images: heldOut.images,
    annotations: heldOut.annotations,
    prompt: "exact box",
    base_mean_iou: heldOut.base.meanIou,
    as_served_mean_iou: heldOut.tuned.meanIou,
    decoder_alone_mean_iou: alone?.meanIou ?? null,
  };
  return { scores: JSON.stringify(scores) };
}
