import { quantiseBaseModel, type QuantiseOptions } from "../../base-models/quantise/quantise-base-model.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { type Comparison, compareEncoders } from "./compare-encoders.ts";

/** Two encoders are of the same worth from here on. */
const leastMeanIou = 0.98;

/**
 * Makes a base model's quicker twin and tells, for people, how like it is and how quick. Throws RefusedFile, with nothing
 * stored: `masks_differ` where the masks' mean IoU with the exact encoder's is below .98.
 */
export async function quantiseModel(
  options: Omit<QuantiseOptions, "check"> & { readonly modelsFolder: string },
): Promise<string> {
  const { modelsFolder, ...given } = options;
  let found: Comparison | undefined;
  const { manifest, isNew, products } = await quantiseBaseModel({
    ...given,
    check: async (draft, exact) => {
      found = await compareEncoders(exact, draft, { ...given, modelsFolder });
      if (found.meanIou < leastMeanIou) throw new RefusedFile("masks_differ", differ(options.of, found));
    },
  });
  const { name } = manifest;
  const lines = isNew
    ? [`Made ${name} of ${options.of}: ${products ?? 0} linear layers in int8.`, found ? told(found) : ""]
    : [`Already there: ${name}, made of ${options.of}.`];
  return [...lines, `Projects choose it by "base_model": "${name}".\n`].filter(Boolean).join("\n");
}

const told = ({ meanIou, leastIou, prompts, time }: Comparison): string =>
  `On drawn pages its masks meet the exact encoder's at a mean IoU of ${meanIou.toFixed(4)} (least ${leastIou.toFixed(3)}, ` +
  `${prompts} prompts), and an image takes ${time.toFixed(2)} of the exact encoder's time on this machine.`;

const differ = (of: string, { meanIou, prompts }: Comparison): string =>
  `with int8 the masks of ${of} meet the exact encoder's at a mean IoU of ${meanIou.toFixed(3)} on ${prompts} prompts of ` +
  `drawn pages, below the ${leastMeanIou} that is asked`;
