/** Writes the decoder of test/worlds/sam2-decoder.ts as safetensors by the names of Hugging Face's Sam2Model. */
import { writeFile } from "node:fs/promises";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { toHuggingFaceSam2 } from "../../src/checkpoint/sam2-decoder.ts";
import { usageOr } from "../../src/main/shared/usage.ts";
import { sam2Decoder } from "../../test/worlds/sam2-decoder.ts";

usageOr("usage: node tools/reference/export-sam2-weights.ts FILE.safetensors", {
  words: { least: 1, most: 1 },
});
const [path = ""] = process.argv.slice(2);
await writeFile(path, encodeSafetensors(toHuggingFaceSam2(await sam2Decoder())));
