import { RefusedFile } from "../checkpoint/refused.ts";

/** Models that look like SAM, by names that only they have. */
const relatives: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)image_encoder\.trunk\./, "SAM 2, which is another architecture"],
  [/(^|\.)mask_decoder\.hf_token/, "SAM-HQ, whose decoder has a token more"],
  [
    /(^|\.)image_encoder\.patch_embed\.seq\./,
    "MobileSAM's TinyViT, which comes built in as mobile_sam; other TinyViTs can be imported as an ONNX pair",
  ],
];

/** Throws RefusedFile `wrong_architecture` where names are those of a model that is akin to SAM, whatever is before them. */
export function refuseRelatives(names: readonly string[]): void {
  for (const [mark, what] of relatives)
    if (names.some((name) => mark.test(name)))
      throw new RefusedFile("wrong_architecture", `the weights are those of ${what}`);
}
