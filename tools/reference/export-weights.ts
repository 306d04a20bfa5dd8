/** Writes a base model's decoder weights as safetensors, for the Python of peers/. */
import { writeFile } from "node:fs/promises";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { usageOr } from "../../src/main/shared/usage.ts";

usageOr("usage: node tools/reference/export-weights.ts FILE.safetensors [BASE_MODEL]", {
  words: { least: 1, most: 2 },
});
const [path = "", name = "mobile_sam"] = process.argv.slice(2);
await writeFile(path, encodeSafetensors(await baseModel(name).decoderWeights()));
