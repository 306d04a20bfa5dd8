/** Writes a base model's decoder weights as safetensors, for the Python scripts beside this file. */
import { writeFile } from "node:fs/promises";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { usageOr } from "../../src/main/usage.ts";

usageOr("usage: node scripts/reference/export_weights.ts FILE.safetensors [BASE_MODEL]", {
  words: { least: 1, most: 2 },
});
const [path = "", name = "mobile_sam"] = process.argv.slice(2);
await writeFile(path, encodeSafetensors(await baseModel(name).decoderWeights()));
