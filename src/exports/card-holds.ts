import { decoderAloneOf, type Version } from "../db/queries/versions.ts";
import { isPlain } from "../domain/focus.ts";
import { share } from "./markdown.ts";
import type { ExportOptions, ExportSubject, Holds } from "./types.ts";

/** The first lines of a card: what its file holds of a version, and what that is worth. */
export function holdsText(subject: ExportSubject, options: ExportOptions, holds: Holds): string[] {
  const { version } = subject;
  const notes = [
    ...(options.format === "onnx" ? chosenText(subject, options) : []),
    ...(version?.finder ? [options.format === "bundle" ? findsInside : noFinder] : []),
  ];
  if (!version || isPlain(version.focus)) return notes;
  if (holds === "card")
    return [
      `Where it is served it works with ${partsOf(version)}. \`format=bundle\` is all of it, with runners` +
        `${servedOnnx(subject) ? ", and so is `format=onnx&variant=served`" : ""}; the other files hold the decoder alone.`,
      ...notes,
    ];
  if (holds === "version")
    return [`**This file holds all of the version**: the decoder with ${partsOf(version)}.`, ...notes];
  const elsewhere = servedOnnx(subject)
    ? "`format=onnx&variant=served` or `format=bundle`"
    : "`format=bundle`";
  return [
    `**This file holds the decoder alone.** Where maskwright serves this version it works with ${partsOf(version)}; ` +
      `nothing of that is in here. ${worth(version)} All of the version is in ${elsewhere}.`,
    ...notes,
  ];
}

/** Whether one ONNX graph is all of the version: it makes no views. */
const servedOnnx = ({ version }: ExportSubject): boolean => version?.focus.zoom === null;

/** Which mask answers, where that is another than predict's. */
function chosenText({ base, version }: ExportSubject, { variant }: ExportOptions): string[] {
  if (variant === "single") {
    if (base.family === "sam") return [singleMask];
    return version ? [singleOfSam2] : [];
  }
  return variant === "engine" && base.family === "sam2" && !version ? [engineOfBase] : [];
}

function partsOf({ focus: { zoom, refine } }: Version): string {
  const tiles = zoom && zoom.tiles > 1 ? `, cut into ${zoom.tiles} x ${zoom.tiles} tiles` : "";
  const parts = [
    zoom && `a window round each prompt that is encoded by itself${tiles}`,
    refine &&
      ("point_head" in refine
        ? "a point head that refines its masks"
        : "a guided filter that refines its masks"),
  ];
  return parts.filter(Boolean).join(" and ");
}

function worth(version: Version): string {
  const { metrics } = version;
  const alone = decoderAloneOf(version);
  if (!metrics) return "How it does was not measured here.";
  const { images, base, tuned } = metrics.heldOut;
  const served = `${share(tuned.meanIou)} as served, ${share(base.meanIou)} for the untuned base`;
  return alone
    ? `Mean IoU on the same ${images} held-out images with exact boxes: **${share(alone.meanIou)} for this file**, ${served}.`
    : `How the decoder does by itself was not measured (mean IoU with exact boxes: ${served}).`;
}

const singleMask =
  "As Meta's own export with --return-single-mask, it answers a prompt of fewer than three points, padding counted, with " +
  "the best of masks 1 to 3. Training and the scores below are of mask 0, which the API and the other variants answer with.";

const singleOfSam2 =
  "Where mask 0 is not stable it answers with the best of the others, as Meta's predictor does. Training and the scores " +
  "below are of mask 0, which the API and the other variants answer with.";

const engineOfBase =
  "It answers with mask 0; the API's answer for an untuned SAM 2 is the best of the others where mask 0 is not stable.";

const noFinder =
  "Where maskwright serves this version it also finds objects by their labels, without prompts; what it finds with is in `format=bundle` alone.";

const findsInside =
  "It also finds objects by their labels, without prompts, as where maskwright serves it: `find/finder.onnx` and, of SAM, " +
  "`find/near.onnx`, which the runners use (`python predict.py image.jpg --label NAME`, `--find` for all labels).";
