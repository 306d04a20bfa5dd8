import {
  type EncoderArchitecture,
  encoderArchitectures,
  encoderLayout,
} from "../checkpoint/encoder-layout.ts";
import { huggingFaceName, sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import { decoderLayout, type Layout } from "../checkpoint/layout.ts";
import { RefusedFile } from "../checkpoint/refused.ts";

export type Architectures = Readonly<Record<string, EncoderArchitecture>>;

/** What a weights file turned out to be. */
export interface Identified {
  /** `vit_b`, `vit_l`, `vit_h`; null for a prompt encoder and mask decoder without an image encoder. */
  readonly type: string | null;
  readonly naming: "meta" | "hugging_face";
  /** The name in the file of a tensor, by Meta's. */
  readonly nameOf: (metaName: string) => string;
}

/** What scripts put before all names of a state dict. */
const prefixes = ["module.", "model.", "sam.", "sam_model."];
/** In some files, and of no use: constants of preprocessing, and the positional matrix a second time. */
const ignored = new Set(["pixel_mean", "pixel_std", sharedEmbeddingName]);
/** Models that look like SAM, by a name that only they have. */
const relatives: readonly (readonly [string, string])[] = [
  ["image_encoder.trunk.", "SAM 2, which is another architecture"],
  ["mask_decoder.hf_token", "SAM-HQ, whose decoder has a token more"],
  [
    "image_encoder.patch_embed.seq.",
    "MobileSAM's TinyViT, which comes built in as mobile_sam; other TinyViTs can be imported as an ONNX pair",
  ],
];

/**
 * Tells from names and shapes which SAM a file holds, and that it holds all of it and nothing else.
 * Throws RefusedFile `wrong_architecture`, or `names_missing` with every fault, as many as a page holds.
 */
export function identify(
  shapes: ReadonlyMap<string, readonly number[]>,
  architectures: Architectures = encoderArchitectures,
): Identified {
  const names = [...shapes.keys()];
  const prefix = commonPrefix(names);
  const bare = names.map((name) => name.slice(prefix.length));
  for (const [mark, what] of relatives)
    if (bare.some((name) => name.startsWith(mark)))
      throw new RefusedFile("wrong_architecture", `the weights are those of ${what}`);
  const naming = bare.some((name) => /^(vision_encoder\.|mask_decoder\.upscale_)/.test(name))
    ? "hugging_face"
    : "meta";
  const nameOf = (meta: string): string => {
    const own = prefix + (naming === "meta" ? meta : huggingFaceName(meta));
    const tied = prefix + sharedEmbeddingName;
    return own.endsWith("shared_embedding.positional_embedding") && !shapes.has(own) && shapes.has(tied)
      ? tied
      : own;
  };
  const type = encoderType(bare, shapes.get(nameOf("image_encoder.patch_embed.proj.weight")), architectures);
  const architecture = type === null ? undefined : architectures[type];
  const layout = { ...(architecture ? encoderLayout(architecture) : {}), ...decoderLayout };
  check(shapes, layout, nameOf, prefix);
  return { type, naming, nameOf };
}

function commonPrefix(names: readonly string[]): string {
  let prefix = "";
  for (;;) {
    const next = prefixes.find((part) => names.every((name) => name.startsWith(prefix + part)));
    if (next === undefined || names.length === 0) return prefix;
    prefix += next;
  }
}

function encoderType(
  names: readonly string[],
  patches: readonly number[] | undefined,
  architectures: Architectures,
): string | null {
  if (!patches) {
    const hasEncoder = names.some((name) => /^(image|vision)_encoder\./.test(name));
    if (!hasEncoder && names.some((name) => name.startsWith("mask_decoder."))) return null;
    const some = names.slice(0, 3).join(", ");
    throw new RefusedFile(
      "wrong_architecture",
      `the weights are no SAM's: there is no patch embedding of an image encoder among ${names.length} tensors (${some}, ...)`,
    );
  }
  const blocks = names.map((name) =>
    Number(/^(?:image_encoder\.blocks|vision_encoder\.layers)\.(\d+)\./.exec(name)?.[1] ?? -1),
  );
  const depth = Math.max(-1, ...blocks) + 1;
  const width = patches[0] ?? 0;
  const known = Object.entries(architectures);
  const found = known.find(([, own]) => own.width === width && own.depth === depth);
  if (found) return found[0];
  const list = known.map(([name, own]) => `${name} (${own.depth} blocks of ${own.width})`).join(", ");
  throw new RefusedFile(
    "wrong_architecture",
    `the image encoder has ${depth} blocks of width ${width}; there are ${list}`,
  );
}

/** Faults told of one file. */
const shownFaults = 40;

function check(
  shapes: ReadonlyMap<string, readonly number[]>,
  layout: Layout,
  nameOf: (meta: string) => string,
  prefix: string,
): void {
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
  for (const name of shapes.keys())
    if (!wanted.has(name) && !ignored.has(name.slice(prefix.length))) faults.push(`${name} is unknown`);
  const all = [...missing, ...faults];
  if (all.length === 0) return;
  const more = all.length > shownFaults ? `; and ${all.length - shownFaults} more` : "";
  throw new RefusedFile(
    missing.length > 0 ? "names_missing" : "wrong_architecture",
    `the weights are not whole: ${all.slice(0, shownFaults).join("; ")}${more}`,
  );
}
