import { sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import type { Layout } from "../checkpoint/layout.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { pointEmbeddings } from "../checkpoint/sam2-decoder.ts";
import { notRun } from "../checkpoint/tiny-vit-layout.ts";
import { isEncoderPart } from "./left-out.ts";
import type { Found } from "./find-sam.ts";
import { hintOf } from "./hints.ts";

/** In some files, and of no use: constants of preprocessing, and the positional matrix a second time. */
const ignored = new Set(["pixel_mean", "pixel_std", sharedEmbeddingName]);
/** The modules of SAM: a tensor in one of them that SAM has not makes it another architecture. */
const modules = /^(image_encoder|vision_encoder|(sam_)?prompt_encoder|(sam_)?mask_decoder)\./;
/** Faults told of one file. */
const shownFaults = 40;

/**
 * Throws RefusedFile where a file does not hold the layout whole: `names_missing`, or `wrong_architecture` for a shape
 * or for a tensor that the model has not. Returns the names that are not part of it.
 */
export function checkWhole(
  shapes: ReadonlyMap<string, readonly number[]>,
  layout: Layout,
  { family, prefix, bare, placeOf }: Pick<Found, "family" | "prefix" | "bare" | "placeOf">,
): string[] {
  // All that stands beside a bare decoder's tensors is in the decoder
  const inside = bare ? /./ : modules;
  const missing = new Set<string>();
  const faults: string[] = [];
  const wanted = new Set<string>();
  for (const [ours, own] of Object.entries(layout)) {
    const { name, row } = placeOf(ours);
    const shape = row === null ? own : [pointEmbeddings, ...own.slice(1)];
    const found = shapes.get(name);
    if (!found) missing.add(`${name} is missing`);
    else if (found.join() !== shape.join() && !wanted.has(name))
      faults.push(`${name} has shape [${found.join()}], not [${shape.join()}]`);
    wanted.add(name);
  }
  const left: string[] = [];
  for (const name of shapes.keys()) {
    const own = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (wanted.has(name) || ignored.has(own) || notRun.test(own)) continue;
    if (inside.test(own) && !(family === "sam2" && isEncoderPart(own))) faults.push(`${name} is unknown`);
    else left.push(name);
  }
  const all = [...missing, ...faults];
  if (all.length === 0) return left;
  const more = all.length > shownFaults ? `; and ${all.length - shownFaults} more` : "";
  const hint = hintOf(shapes, layout, placeOf);
  throw new RefusedFile(
    missing.size > 0 ? "names_missing" : "wrong_architecture",
    `the weights are not whole${hint === null ? "" : `, as ${hint}`}: ${all.slice(0, shownFaults).join("; ")}${more}`,
  );
}
