import type { Version } from "../db/queries/versions.ts";
import type { PairedGain, PromptMetrics, VersionMetrics } from "../db/schema/index.ts";
import { architectureOf } from "./encoder.ts";
import { promptingForPeople } from "./facts.ts";
import type { ExportSubject } from "./types.ts";

/**
 * The model card: Markdown with the front matter that model hubs read. It says where the weights come from, how they
 * were measured, what made them, and under which licences they may be passed on. It holds nothing that changes.
 */
export function modelCard(subject: ExportSubject): string {
  const { projectId, base, version } = subject;
  const name = version ? `${projectId}, version ${version.number}` : `${base.name}, the base of ${projectId}`;
  const sections = [
    frontMatter,
    `# ${name}`,
    version
      ? `SAM's prompt encoder and mask decoder, ${version.imported ? "imported" : "fine-tuned"}, for image embeddings of \`${base.name}\`.`
      : `SAM's prompt encoder and mask decoder as \`${base.name}\` has them, untuned.`,
    section("Where it comes from", origin(subject)),
    section("How well it does", version?.metrics ? metricsText(version.metrics) : notMeasured(version)),
    ...(version && !version.imported
      ? [section("Hyperparameters as used", codeBlock(version.hyperparameters))]
      : []),
    section("How to prompt it", prompting(version)),
    ...(architectureOf(base) ? [] : [section("With transformers", noVisionEncoder)]),
    section("Licences", licences(subject)),
  ];
  return `${sections.join("\n\n")}\n`;
}

const frontMatter = `---
license: apache-2.0
library_name: transformers
pipeline_tag: mask-generation
tags:
  - segment-anything
  - sam
  - maskwright
---`;

const section = (title: string, body: string): string => `## ${title}\n\n${body}`;
const list = (rows: readonly (readonly [string, string | number | null])[]): string =>
  rows
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `- ${key}: ${value}`)
    .join("\n");
const code = (text: string): string => `\`${text}\``;
const codeBlock = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

function origin({ projectId, base, version }: ExportSubject): string {
  const common = [
    ["Project", code(projectId)],
    ["Base model", code(base.name)],
    ["SHA-256 of the base's encoder", code(base.embeddingId)],
  ] as const;
  if (!version) return list(common);
  const { imported } = version;
  return list(
    [
      ...common,
      ["Version", version.number],
      ["Trained from", version.parentVersion === null ? "the base" : `version ${version.parentVersion}`],
      ["SHA-256 of the weights", code(version.weightsSha256)],
      ["Data snapshot", version.snapshotHash && code(version.snapshotHash)],
      ["Fine-tune", version.fineTuneId && code(version.fineTuneId)],
      ["Seed", version.seed],
      ["Engine", version.engine],
      ["Feedback", version.metrics && feedbackText(version.metrics)],
      ["Registered", version.createdAt.toISOString()],
      ...(imported
        ? [["Imported from", `a ${imported.format} file, SHA-256 ${code(imported.sha256)}`] as const]
        : []),
    ].filter(([key]) => !(imported && key === "Trained from")) as [string, string | number | null][],
  );
}

/** Null where no annotation that trained had come from feedback. */
function feedbackText({ feedback }: VersionMetrics): string | null {
  if (!feedback || feedback.corrected + feedback.accepted === 0) return null;
  const { corrected, accepted, realPrompts, prompts } = feedback;
  return `${corrected} corrected and ${accepted} accepted masks trained; ${realPrompts} of ${prompts} training prompts began as people had prompted`;
}

const notMeasured = (version: Version | null): string =>
  version
    ? "Not measured here: it was imported."
    : "Not measured by itself; each version's card tells how the base did on its held-out images.";

/** Shares as they are read: three digits. */
const share = (value: number): string => value.toFixed(3);
const gainText = ({ mean, low, high }: PairedGain): string =>
  `${signed(mean)}${low === null || high === null ? "" : ` [${signed(low)}, ${signed(high)}]`}`;
const signed = (value: number): string => `${value < 0 ? "" : "+"}${share(value)}`;

function metricsText({ heldOut, evaluation, split }: VersionMetrics): string {
  const set =
    `On ${heldOut.images} held-out images with ${heldOut.annotations} annotations, which no training step and no choice of ` +
    `epoch has seen (train ${split.train}, selection ${split.selection}, held out ${split.heldOut} images), masks at the ` +
    "images' original size.";
  const means = table(
    ["with the exact box", "mean IoU", "mean Dice"],
    [
      ["base", share(heldOut.base.meanIou), share(heldOut.base.meanDice)],
      ...(heldOut.parent
        ? [["parent version", share(heldOut.parent.meanIou), share(heldOut.parent.meanDice)]]
        : []),
      ["this version", share(heldOut.tuned.meanIou), share(heldOut.tuned.meanDice)],
    ],
  );
  if (!evaluation) return `${set}\n\n${means}`;
  const rows = evaluation.prompts.map(promptRow);
  const kinds = table(
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
    rows,
  );
  return `${set}\n\n${means}\n\nBy kind of prompt; gains are paired, with 95 % bootstrap intervals over groups of images:\n\n${kinds}`;
}

const promptRow = ({ kind, annotations, groups, base, tuned, gain }: PromptMetrics): string[] => [
  kind.replaceAll("_", " "),
  String(annotations),
  String(groups),
  share(base.meanIou),
  share(tuned.meanIou),
  gainText(gain.iou),
  gainText(gain.boundaryIou),
  `${share(base.calibrationError)} → ${share(tuned.calibrationError)}`,
];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

function prompting(version: Version | null): string {
  const settings = Object.entries(promptingForPeople(version));
  const usual =
    "As SAM: the longest side resized to 1024, normalised, padded to the bottom and right; points and box corners in " +
    "pixels of that frame; a prompt without a box gets one padding point of label -1.";
  return settings.length === 0
    ? usual
    : `${usual}\n\nThis version was trained with settings of its own, which have to be the same when it is used:\n\n${list(settings.map(([key, value]) => [key, code(value)]))}`;
}

const noVisionEncoder =
  "transformers has no such image encoder: `SamModel.from_pretrained` reports the vision encoder's tensors as missing. " +
  "Give that model `image_embeddings` of the base's own encoder, never `pixel_values`.";

function licences({ base, version }: ExportSubject): string {
  const own = version
    ? "A version tuned by maskwright is a derivative of its base model's mask decoder: pass it on under the licences above. " +
      "The training data are their owner's; nothing of them is in this file but what the weights have learned."
    : "Nothing in it was changed.";
  return `${base.licence}\n\n${own}`;
}
