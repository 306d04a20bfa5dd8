import type { BaseChoice } from "../domain/base-choice.ts";
import { familyNames } from "../domain/model-family.ts";
import type { VersionMetrics } from "../domain/version.ts";
import { holdsText } from "./card-holds.ts";
import { noSam2VisionEncoder, promptingSam2, promptsInOnnx, withMetaSam2 } from "./card-sam2.ts";
import { scoresText } from "./card-scores.ts";
import { architectureOf } from "./encoder.ts";
import { promptingForPeople } from "./facts.ts";
import { code, codeBlock, list, section, share } from "./markdown.ts";
import { withTransformersJs } from "./transformers-js/card.ts";
import { type ExportOptions, type ExportSubject, type Holds, holdsOf } from "./types.ts";

/**
 * The model card: Markdown with the front matter that model hubs read. It says where the weights come from, how they
 * were measured, what made them, and under which licences they may be passed on. It holds nothing that changes.
 */
export function modelCard(subject: ExportSubject, options: ExportOptions): string {
  const { projectId, base, version } = subject;
  const holds = holdsOf(subject, options);
  const name = version ? `${projectId}, version ${version.number}` : `${base.name}, the base of ${projectId}`;
  const isSam2 = base.family === "sam2";
  const blind = options.format === "hf" && !(options.full && architectureOf(subject));
  const sections = [
    frontMatter(options, subject),
    `# ${name}`,
    ...holdsText(subject, options, holds),
    version
      ? `${familyNames[base.family]}'s prompt encoder and mask decoder, ${version.imported ? "imported" : "fine-tuned"}, for image embeddings of \`${base.name}\`.`
      : `${familyNames[base.family]}'s prompt encoder and mask decoder as \`${base.name}\` has them, untuned.`,
    section("Where it comes from", origin(subject)),
    section("How well it does", version ? scoresText(version, holds) : notMeasured),
    ...(version && !version.imported
      ? [section("Hyperparameters as used", codeBlock(version.hyperparameters))]
      : []),
    section("How to prompt it", prompting(subject, holds)),
    ...(options.format === "onnx" ? [isSam2 ? promptsInOnnx(options) : oneObject] : []),
    ...(blind ? [section("With transformers", isSam2 ? noSam2VisionEncoder : noVisionEncoder)] : []),
    ...(isSam2 && options.format === "pth"
      ? [section("With Meta's code", withMetaSam2(subject, options))]
      : []),
    ...(options.format === "transformersjs"
      ? [section("With transformers.js", withTransformersJs(base.family))]
      : []),
    section("Licences", licences(subject)),
  ];
  return `${sections.join("\n\n")}\n`;
}

const notMeasured =
  "Not measured by itself; each version's card tells how the base did on its held-out images.";

/**
 * What hubs read. A pipeline or a library is named only where that library can answer an image with this file: SamModel
 * with its own image encoder inside.
 */
const frontMatter = ({ format, full }: ExportOptions, subject: ExportSubject): string =>
  [
    "---",
    "license: apache-2.0",
    ...(format === "hf" && full && architectureOf(subject)
      ? ["library_name: transformers", "pipeline_tag: mask-generation"]
      : []),
    ...(format === "transformersjs"
      ? ["library_name: transformers.js", "pipeline_tag: mask-generation"]
      : []),
    "tags:",
    "  - segment-anything",
    `  - ${subject.base.family}`,
    "  - maskwright",
    "---",
  ].join("\n");

function origin({ projectId, base, version }: ExportSubject): string {
  const common = [
    ["Project", code(projectId)],
    ["Base model", code(base.name)],
    ["Chosen", choiceText(version?.metrics?.baseChoice)],
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

/** Null where the base was named rather than chosen. */
function choiceText(choice: BaseChoice | undefined): string | null {
  if (!choice || choice.tried.length === 0) return null;
  const each = choice.tried.map(
    ({ baseModel, meanIou, tunedMeanIou }) =>
      `${code(baseModel)} ${share(meanIou)} as it is` +
      (tunedMeanIou === null ? "" : `, ${share(tunedMeanIou)} after a short training`),
  );
  return `by mean IoU on ${choice.annotations} annotations that are not held out: ${each.join("; ")}`;
}

/** Null where no annotation that trained had come from feedback. */
function feedbackText({ feedback }: VersionMetrics): string | null {
  if (!feedback || feedback.corrected + feedback.accepted === 0) return null;
  const { corrected, accepted, realPrompts, prompts } = feedback;
  return `${corrected} corrected and ${accepted} accepted masks trained; ${realPrompts} of ${prompts} training prompts began as people had prompted`;
}

const promptingSam =
  "As SAM: the longest side resized to 1024, normalised, padded to the bottom and right; points and box corners in " +
  "pixels of that frame; a prompt without a box gets one padding point of label -1. What was trained and measured is " +
  "mask 0, multimask_output=False.";

function prompting(subject: ExportSubject, holds: Holds): string {
  const { base, version } = subject;
  const settings = list(
    Object.entries(promptingForPeople(version)).map(([key, value]) => [key, code(value)]),
  );
  const usual = base.family === "sam2" ? promptingSam2(subject) : promptingSam;
  if (settings === "") return usual;
  const lead =
    holds === "decoder"
      ? "The version was trained with settings of its own, which this file does not carry out; whoever uses it has to"
      : "The version was trained with settings of its own";
  return `${usual}\n\n${lead}:\n\n${settings}`;
}

const oneObject = `All points of a call are one prompt, so several boxes are a loop over one embedding, one object a call:

\`\`\`python
for x0, y0, x1, y1 in boxes:   # pixels of the image; scale: 1024 / max(height, width)
    feeds["point_coords"] = np.array([[[x0, y0], [x1, y1]]], np.float32) * scale
    feeds["point_labels"] = np.array([[2, 3]], np.float32)
    masks.append(session.run(["low_res_masks"], feeds)[0])
\`\`\``;

const noVisionEncoder =
  "No image encoder that transformers has is in here: `SamModel.from_pretrained` reports the vision encoder's tensors as " +
  'missing, and the model refuses `pixel_values` ("Input image size ... doesn\'t match model"). Give it ' +
  "`image_embeddings` of the base's own encoder.";

function licences({ base, version }: ExportSubject): string {
  const own = version
    ? "A version tuned by maskwright is a derivative of its base model's mask decoder: pass it on under the licences above. " +
      "The training data are their owner's; nothing of them is in this file but what the weights have learned."
    : "Nothing in it was changed.";
  return `${base.licence}\n\n${own}`;
}
