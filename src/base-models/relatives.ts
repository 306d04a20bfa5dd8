import { RefusedFile } from "../checkpoint/refused.ts";

/** Models that look like SAM, by names that only they have. */
const relatives: readonly (readonly [RegExp, string])[] = [
  [
    /(^|\.)(vision_encoder\.backbone\.layers\.\d+\.attention|detector\.backbone|detector_model|tracker_model|backbone\.(vision|language)_backbone)\./,
    "SAM 3, whose image encoder is another one, for a frame of 1008 pixels, under a licence of its own: import a SAM 2, 2.1 or EdgeTAM instead, or bring SAM 3's masks in as annotations (docs/imports.md)",
  ],
  [/(^|\.)mask_decoder\.final_output_upscaling_layers\./, "EfficientSAM, whose mask decoder is another one"],
  [/(^|\.)mask_decoder\.hf_token/, "SAM-HQ, whose decoder has a token more"],
];

/** Throws RefusedFile `wrong_architecture` where names are those of a model that is akin to SAM, whatever is before them. */
export function refuseRelatives(names: readonly string[]): void {
  for (const [mark, what] of relatives)
    if (names.some((name) => mark.test(name)))
      throw new RefusedFile("wrong_architecture", `the weights are those of ${what}`);
}
