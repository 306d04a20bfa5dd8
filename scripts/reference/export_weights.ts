/** Writes a base model's decoder weights as safetensors, for the Python scripts beside this file. */
import { writeFile } from "node:fs/promises";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";

const [path, name = "mobile_sam"] = process.argv.slice(2);
if (!path) throw new Error("usage: node scripts/reference/export_weights.ts <file.safetensors> [base model]");
await writeFile(path, encodeSafetensors(await baseModel(name).decoderWeights()));
