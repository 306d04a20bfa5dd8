import { decoderLayouts } from "../checkpoint/decoder-layouts.ts";
import { huggingFaceHieraName } from "../checkpoint/hiera-names.ts";
import { huggingFaceName } from "../checkpoint/hugging-face.ts";
import { huggingFaceSam2Name, metaSam2Name } from "../checkpoint/sam2-decoder.ts";
import type { ModelFamily } from "../domain/model-family.ts";

/** Which tensor of a file a tensor of ours is; `row` is its only row there, null where it is all of it. */
export interface TensorPlace {
  readonly name: string;
  readonly row: number | null;
}

/**
 * Names that a file may have for a family's tensors: Meta's, Hugging Face's, or our own, which for SAM 2's decoder are
 * SAM's (checkpoint/sam2-decoder.ts).
 */
export interface Vocabulary {
  readonly family: ModelFamily;
  readonly naming: "meta" | "hugging_face" | "own";
  /** Whether names begin within the mask decoder: `iou_token.weight`. */
  readonly bare: boolean;
  /** The place of a tensor by its name in our layouts. */
  readonly placeOf: (name: string) => TensorPlace;
}

const whole = (name: string): TensorPlace => ({ name, row: null });
const decoders = /^(prompt_encoder|mask_decoder)\./;

const namings: readonly Omit<Vocabulary, "bare">[] = [
  { family: "sam", naming: "meta", placeOf: whole },
  { family: "sam", naming: "hugging_face", placeOf: (name) => whole(huggingFaceName(name)) },
  {
    family: "sam2",
    naming: "meta",
    placeOf: (name) => whole(decoders.test(name) ? metaSam2Name(name) : name),
  },
  {
    family: "sam2",
    naming: "hugging_face",
    placeOf: (name) => (decoders.test(name) ? huggingFaceSam2Name(name) : whole(huggingFaceHieraName(name))),
  },
  { family: "sam2", naming: "own", placeOf: whole },
];

/** In order of preference, where a file's names could be of several. */
export const vocabularies: readonly Vocabulary[] = [
  ...namings.map((one): Vocabulary => ({ ...one, bare: false })),
  ...namings.map(({ placeOf, ...one }): Vocabulary => ({
    ...one,
    bare: true,
    placeOf: (name) => {
      const place = placeOf(name);
      return { ...place, name: place.name.replace(/^(sam_)?mask_decoder\./, "") };
    },
  })),
];

/** The names of a decoder's tensors in a file, of a bare one those of its mask decoder alone. */
export const decoderNames = ({ family, bare, placeOf }: Vocabulary): ReadonlySet<string> =>
  new Set(
    Object.keys(decoderLayouts[family])
      .filter((name) => !bare || name.startsWith("mask_decoder."))
      .map((name) => placeOf(name).name),
  );
