/**
 * Holds every part of SAM against what bench/parity/peers.py wrote, and writes docs/parity.md. By hand:
 *   node bench/parity/main.ts PEERS DATA   (the folder that peers.py wrote, and the data it read)
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInference } from "../../src/inference/index.ts";
import { BaseModels } from "../../src/inference/base-models.ts";
import { importBaseModel } from "../../src/importing/import-base-model.ts";
import { LocalStore } from "../../src/storage/local.ts";
import { compareEncoder } from "./encoders.ts";
import { compareModules } from "./modules.ts";
import { comparePredictions } from "./predictions.ts";
import { parityReport, type Row } from "./report.ts";

const [peers, data] = process.argv.slice(2).map((path) => resolve(path));
if (!peers || !data) throw new Error("usage: node bench/parity/main.ts PEERS DATA");

const folder = await mkdtemp(join(tmpdir(), "maskwright-parity-"));
const store = new LocalStore(folder);
const modelsFolder = join(folder, "models");
const models = new BaseModels(store, modelsFolder);
const inference = await createInference({
  store,
  cacheEntries: 4,
  threads: 0,
  decodeWorkers: 1,
  maxImagePixels: 64_000_000,
  modelsFolder,
});
const importAs = async (name: string, path: string): Promise<string> => {
  await importBaseModel({ store, models, paths: [path], name, workFolder: join(folder, "import") });
  return name;
};
const has = (file: string): boolean => existsSync(join(peers, file));
const rows: Row[] = [];
const add = (more: readonly Row[]): void => {
  rows.push(...more);
  for (const row of more) console.log(JSON.stringify(row));
};
try {
  for (const type of ["vit_b", "vit_l", "vit_h"])
    if (has(`${type}.json`)) {
      const name = await importAs(type, join(peers, `${type}.pth`));
      add(await compareEncoder({ peers, data, inference, type, name }));
    }
  if (has("modules.json")) add(await compareModules(peers));
  const sets = [
    ["mobile-meta", "Meta's SamPredictor", "mobile_sam", null],
    ["mobile-hf", "Hugging Face's SamModel", "mobile_sam", null],
    ["whole-meta", "Meta's SamPredictor", "whole_meta", "whole-meta.pth"],
    ["whole-hf", "Hugging Face's SamModel", "whole_hf", "whole-hf"],
  ] as const;
  for (const [stage, peer, name, file] of sets) {
    if (!has(`${stage}.json`)) continue;
    if (file) await importAs(name, join(peers, file));
    add(await comparePredictions({ peers, data, inference, stage, peer, baseModel: name }));
  }
} finally {
  await inference.close();
  await rm(folder, { recursive: true, force: true });
}
const page = parityReport(
  rows,
  JSON.parse(readFileSync(join(peers, "versions.json"), "utf8")) as Record<string, string>,
);
await writeFile(new URL("../../docs/parity.md", import.meta.url), page);
