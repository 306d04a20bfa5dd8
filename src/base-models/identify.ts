import {
  type EncoderArchitecture,
  encoderArchitectures,
  encoderLayout,
} from "../checkpoint/encoder-layout.ts";
import { huggingFaceName, sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import { decoderLayout, type Layout } from "../checkpoint/layout.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { findSam, type Found } from "./find-sam.ts";
import { leftNotes } from "./left-out.ts";
import { refuseRelatives } from "./relatives.ts";

export type Architectures = Readonly<Record<string, EncoderArchitecture>>;

/** What a weights file turned out to be. */
export interface Identified {
  /** `vit_b`, `vit_l`, `vit_h`; null for a decoder without an image encoder. */
  readonly type: string | null;
  readonly naming: Found["naming"];
  /** The name in the file of a tensor, by Meta's. */
  readonly nameOf: (metaName: string) => string;
  /** Whether the prompt encoder is in the file, and not the mask decoder alone. */
  readonly holdsPrompt: boolean;
  /** What of the file is not part of the model, for people; empty where all is. */
  readonly notes: readonly string[];
}

/** In some files, and of no use: constants of preprocessing, and the positional matrix a second time. */
const ignored = new Set(["pixel_mean", "pixel_std", sharedEmbeddingName]);
/** The modules of SAM: a tensor in one of them that SAM has not makes it another architecture. */
const modules = /^(image_encoder|vision_encoder|prompt_encoder|mask_decoder)\./;

const maskDecoderLayout: Layout = Object.fromEntries(
  Object.entries(decoderLayout).filter(([name]) => name.startsWith("mask_decoder.")),
);

/**
 * Tells from names and shapes which SAM a file holds, and that it holds all of it. Tensors beside it are left out and
 * told. Throws RefusedFile `wrong_architecture`, or `names_missing` with every fault, as many as a page holds.
 */
export function identify(
  shapes: ReadonlyMap<string, readonly number[]>,
  architectures: Architectures = encoderArchitectures,
): Identified {
  const names = [...shapes.keys()];
  refuseRelatives(names);
  const found = findSam(names);
  if (!found) throw noSam(names);
  const { prefix, naming, bare } = found;
  const nameOf = (meta: string): string => {
    const theirs = naming === "meta" ? meta : huggingFaceName(meta);
    const own = prefix + (bare ? theirs.slice("mask_decoder.".length) : theirs);
    const tied = prefix + sharedEmbeddingName;
    return own.endsWith("shared_embedding.positional_embedding") && !shapes.has(own) && shapes.has(tied)
      ? tied
      : own;
  };
  const own = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const type = encoderType(own, shapes.get(nameOf("image_encoder.patch_embed.proj.weight")), architectures);
  const architecture = type === null ? undefined : architectures[type];
  const holdsPrompt = !bare && own.some((name) => name.startsWith("prompt_encoder."));
  const layout = {
    ...(architecture ? encoderLayout(architecture) : {}),
    ...(holdsPrompt ? decoderLayout : maskDecoderLayout),
  };
  // All that stands beside a bare decoder's tensors is in the decoder
  const left = check(shapes, layout, nameOf, { prefix, inside: bare ? /./ : modules });
  return { type, naming, nameOf, holdsPrompt, notes: leftNotes(found, left) };
}

function noSam(names: readonly string[]): RefusedFile {
  const some = names.slice(0, 3).join(", ");
  return new RefusedFile(
    "wrong_architecture",
    `the weights are no SAM's: there is no mask decoder among ${names.length} tensors (${some}, ...)`,
  );
}

function encoderType(
  names: readonly string[],
  patches: readonly number[] | undefined,
  architectures: Architectures,
): string | null {
  if (!patches && !names.some((name) => /^(image|vision)_encoder\./.test(name))) return null;
  const blocks = names.map((name) =>
    Number(/^(?:image_encoder\.blocks|vision_encoder\.layers)\.(\d+)\./.exec(name)?.[1] ?? -1),
  );
  const depth = Math.max(-1, ...blocks) + 1;
  const width = patches?.[0] ?? 0;
  const known = Object.entries(architectures);
  const found = known.find(([, own]) => own.width === width && own.depth === depth);
  if (found) return found[0];
  const list = known.map(([name, own]) => `${name} (${own.depth} blocks of ${own.width})`).join(", ");
  throw new RefusedFile(
    "wrong_architecture",
    patches
      ? `the image encoder has ${depth} blocks of width ${width}; there are ${list}`
      : `the image encoder is none of SAM's: it has no patch embedding; there are ${list}`,
  );
}

/** Faults told of one file. */
const shownFaults = 40;

/** Throws RefusedFile where the layout is not whole; the names that are not part of it. */
function check(
  shapes: ReadonlyMap<string, readonly number[]>,
  layout: Layout,
  nameOf: (meta: string) => string,
  { prefix, inside }: { prefix: string; inside: RegExp },
): string[] {
  const [missing, faults]: [string[], string[]] = [[], []];
  const wanted = new Set<string>();
  for (const [meta, shape] of Object.entries(layout)) {
    const name = nameOf(meta);
    const found = shapes.get(name);
    wanted.add(name);
    if (!found) missing.push(`${name} is missing`);
    else if (found.join() !== shape.join())
      faults.push(`${name} has shape [${found.join()}], not [${shape.join()}]`);
  }
  const left: string[] = [];
  for (const name of shapes.keys()) {
    const own = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (wanted.has(name) || ignored.has(own)) continue;
    if (inside.test(own)) faults.push(`${name} is unknown`);
    else left.push(name);
  }
  const all = [...missing, ...faults];
  if (all.length === 0) return left;
  const more = all.length > shownFaults ? `; and ${all.length - shownFaults} more` : "";
  throw new RefusedFile(
    missing.length > 0 ? "names_missing" : "wrong_architecture",
    `the weights are not whole: ${all.slice(0, shownFaults).join("; ")}${more}`,
  );
}
