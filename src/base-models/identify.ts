import { decoderLayouts } from "../checkpoint/decoder-layouts.ts";
import { sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import {
  familyOf,
  type ImageEncoder,
  imageEncoderLayout,
  imageEncoders,
  sizeOf,
} from "../checkpoint/image-encoders.ts";
import type { Layout } from "../checkpoint/layout.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import type { ModelFamily } from "../domain/model-family.ts";
import { checkWhole } from "./check-whole.ts";
import { findSam, type Found } from "./find-sam.ts";
import { leftNotes } from "./left-out.ts";
import { refuseRelatives } from "./relatives.ts";
import type { TensorPlace } from "./vocabularies.ts";

export type Architectures = Readonly<Record<string, ImageEncoder>>;

/** What a weights file turned out to be. */
export interface Identified {
  readonly family: ModelFamily;
  /** `vit_b`, `hiera_tiny` and so on; null for a decoder without an image encoder. */
  readonly type: string | null;
  readonly naming: Found["naming"];
  /** Where a tensor lies in the file, by its name in our layouts. */
  readonly placeOf: (name: string) => TensorPlace;
  /** Whether the prompt encoder is in the file, and not the mask decoder alone. */
  readonly holdsPrompt: boolean;
  /** What of the file is not part of the model, for people; empty where all is. */
  readonly notes: readonly string[];
}

/**
 * Tells from names and shapes which SAM a file holds, and that it holds all of it. Tensors beside it are left out and
 * told. Throws RefusedFile `wrong_architecture`, or `names_missing` with every fault, as many as a page holds.
 */
export function identify(
  shapes: ReadonlyMap<string, readonly number[]>,
  architectures: Architectures = imageEncoders,
): Identified {
  const names = [...shapes.keys()];
  refuseRelatives(names);
  const found = findSam(names);
  if (!found) throw noSam(names);
  const { family, prefix, naming, bare } = found;
  const placeOf = (name: string): TensorPlace => {
    const place = found.placeOf(name);
    const own = prefix + place.name;
    const tied = prefix + sharedEmbeddingName;
    const isTied =
      own.endsWith("shared_embedding.positional_embedding") && !shapes.has(own) && shapes.has(tied);
    return { ...place, name: isTied ? tied : own };
  };
  const own = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const type = encoderType(own, (name) => shapes.get(placeOf(name).name), family, architectures);
  const encoder = type === null ? undefined : architectures[type];
  const holdsPrompt = !bare && own.some((name) => /^(sam_)?prompt_encoder\./.test(name));
  const decoder = Object.entries(decoderLayouts[family]).filter(
    ([name]) => holdsPrompt || name.startsWith("mask_decoder."),
  );
  const layout: Layout = { ...(encoder ? imageEncoderLayout(encoder) : {}), ...Object.fromEntries(decoder) };
  const left = checkWhole(shapes, layout, { ...found, placeOf });
  return { family, type, naming, placeOf, holdsPrompt, notes: leftNotes(found, left) };
}

function noSam(names: readonly string[]): RefusedFile {
  const some = names.slice(0, 3).join(", ");
  return new RefusedFile(
    "wrong_architecture",
    `the weights are no SAM's: there is no mask decoder among ${names.length} tensors (${some}, ...)${otherwise(names)}`,
  );
}

/** What a file without a mask decoder seems to be. */
function otherwise(names: readonly string[]): string {
  const some = (mark: RegExp): boolean => names.some((name) => mark.test(name));
  if (some(/(^|\.)(image_encoder|vision_encoder)\.|^patch_embed\./))
    return "; it seems to be an image encoder alone: save the whole model's state_dict()";
  if (some(/(^|\.)prompt_encoder\./))
    return "; it seems to be a prompt encoder alone: save the whole model's state_dict()";
  if (some(/^(model\.)+\d+\./)) return "; it seems to be a YOLO, or FastSAM, which is one";
  return "";
}

/** By what image encoders of a family are told: the patch embedding, whose first side is their width, and their blocks. */
const marks: Readonly<Record<ModelFamily, readonly { patch: string; block: RegExp }[]>> = {
  sam: [
    {
      patch: "image_encoder.patch_embed.proj.weight",
      block: /^(?:image_encoder\.blocks|vision_encoder\.layers)\.(\d+)\./,
    },
    {
      patch: "image_encoder.patch_embed.seq.2.c.weight",
      block: /^(?:image|vision)_encoder\.layers\.(\d+\.blocks\.\d+)\./,
    },
  ],
  sam2: [
    {
      patch: "image_encoder.trunk.patch_embed.proj.weight",
      block: /^(?:image_encoder\.trunk|vision_encoder\.backbone)\.blocks\.(\d+)\./,
    },
    {
      patch: "image_encoder.trunk.body.stem.conv2.c.weight",
      block:
        /^(?:image_encoder\.trunk\.body|vision_encoder\.backbone\.timm_model)\.(stages_\d+\.blocks\.\d+)\./,
    },
  ],
};

function encoderType(
  names: readonly string[],
  shapeOf: (name: string) => readonly number[] | undefined,
  family: ModelFamily,
  architectures: Architectures,
): string | null {
  const mark = marks[family].find(({ patch }) => shapeOf(patch));
  if (!mark && !names.some((name) => /^(image|vision)_encoder\./.test(name))) return null;
  const blocks = new Set(mark && names.flatMap((name) => mark.block.exec(name)?.[1] ?? [])).size;
  const width = (mark && shapeOf(mark.patch)?.[0]) ?? 0;
  const known = Object.entries(architectures)
    .filter(([, encoder]) => familyOf(encoder) === family)
    .map(([name, encoder]) => ({ name, ...sizeOf(encoder) }));
  const found = known.find((one) => one.width === width && one.blocks === blocks);
  if (found) return found.name;
  const list = known.map((one) => `${one.name} (${one.blocks} blocks of ${one.width})`).join(", ");
  throw new RefusedFile(
    "wrong_architecture",
    mark
      ? `the image encoder has ${blocks} blocks of width ${width}; there are ${list}`
      : `the image encoder is none of SAM's: it has no patch embedding; there are ${list}`,
  );
}
