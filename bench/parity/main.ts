import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInference } from "../../src/inference/index.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import type { PartsOptions } from "./options.ts";
import { LocalStore } from "../../src/storage/local.ts";
import { compareEncoder } from "./encoders.ts";
import { compareModules } from "./modules.ts";
import { comparePredictions } from "./predictions.ts";
import { parityReport, type Row } from "./report.ts";

/**
 * Holds every part of SAM against what peers/parity.py wrote, and writes docs/parity.md. What was measured stays in
 * PEERS/rows.json, so that stages may be measured one at a time.
 */
export async function main({ peers, data, stages }: PartsOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-parity-"));
  const store = new LocalStore(folder);
  const modelsFolder = join(folder, "models");
  const models = new BaseModels(store, modelsFolder);
  const inference = await createInference({
    store,
    cacheEntries: 4,
    prefixBytes: 2 ** 25,
    threads: 0,
    decodeWorkers: 1,
    maxImagePixels: 64_000_000,
    modelsFolder,
  });
  const importAs = async (name: string, path: string): Promise<string> => {
    await importBaseModel({ store, models, paths: [path], name, workFolder: join(folder, "import") });
    return name;
  };

  const encoder = (type: string) => async (): Promise<Row[]> => {
    const name = await importAs(type, join(peers, `${type}.pth`));
    return compareEncoder({ peers, data, inference, type, name });
  };
  const predictions = (stage: string, peer: string, file?: string) => async (): Promise<Row[]> => {
    const name = file ? await importAs(stage.replace("-", "_"), join(peers, file)) : "mobile_sam";
    return comparePredictions({ peers, data, inference, stage, peer, baseModel: name });
  };
  /** What peers/parity.py writes (`<name>.json` and more), the stage that writes it, and how ours is held against it. */
  const parts: readonly { name: string; stage: string; compare: () => Promise<Row[]> }[] = [
    ...["vit_b", "vit_l", "vit_h"].map((type) => ({ name: type, stage: type, compare: encoder(type) })),
    { name: "modules", stage: "modules", compare: () => compareModules(peers) },
    { name: "mobile-meta", stage: "mobile", compare: predictions("mobile-meta", "Meta's SamPredictor") },
    { name: "mobile-hf", stage: "mobile-hf", compare: predictions("mobile-hf", "Hugging Face's SamModel") },
    {
      name: "mobile-hf-eps",
      stage: "mobile-hf-eps",
      compare: predictions("mobile-hf-eps", "SamModel with Meta's LayerNorm epsilon in its decoder"),
    },
    {
      name: "whole-meta",
      stage: "whole",
      compare: predictions("whole-meta", "Meta's SamPredictor", "whole-meta.pth"),
    },
    {
      name: "whole-hf",
      stage: "whole",
      compare: predictions("whole-hf", "Hugging Face's SamModel", "whole-hf"),
    },
    {
      name: "whole-hf-eps",
      stage: "whole-hf-eps",
      compare: predictions(
        "whole-hf-eps",
        "SamModel with Meta's LayerNorm epsilon in its decoder",
        "whole-hf",
      ),
    },
  ];

  const rowsPath = join(peers, "rows.json");
  const measured = (existsSync(rowsPath) ? JSON.parse(readFileSync(rowsPath, "utf8")) : {}) as Record<
    string,
    Row[]
  >;
  try {
    for (const { name, stage, compare } of parts) {
      if (!existsSync(join(peers, `${name}.json`)) || (stages.length && !stages.includes(stage))) continue;
      const rows = await compare();
      for (const row of rows) console.log(JSON.stringify(row));
      measured[name] = rows;
      await writeFile(rowsPath, JSON.stringify(measured));
    }
  } finally {
    await inference.close();
    await rm(folder, { recursive: true, force: true });
  }
  const page = parityReport(
    parts.flatMap(({ name }) => measured[name] ?? []),
    JSON.parse(readFileSync(join(peers, "versions.json"), "utf8")) as Record<string, string>,
  );
  await writeFile(new URL("../../docs/parity.md", import.meta.url), page);
  return 0;
}
