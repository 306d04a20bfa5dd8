/** `npm run model -- list`, `import FILE --name NAME` and `quantise MODEL --name NAME`: the base models that projects choose from. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { baseModelNames } from "../checkpoint/base-models.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { type Config, readConfig } from "../config.ts";
import { importBaseModel } from "../base-models/import-base-model.ts";
import { BaseModels } from "../base-models/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { signedFiles } from "../base-models/manifest.ts";
import { openDatabase } from "../db/client.ts";
import { migrate } from "../db/migrate.ts";
import { holdBaseModel } from "../db/signed-base-models.ts";
import { createObjectStore } from "../storage/create.ts";
import { keys } from "../storage/keys.ts";
import type { ObjectStore } from "../storage/store.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { quantiseModel } from "./shared/quantise-model.ts";

const usage = `Base models: what projects name as their base_model.

  npm run model -- list
  npm run model -- import FILE [DECODER] --name NAME [--licence TEXT] [--encoder NAME]
  npm run model -- quantise MODEL --name NAME

FILE is Meta's .pth (SAM) or .pt (SAM 2 and 2.1), MobileSAM's .pt, Hugging Face's model.safetensors or
pytorch_model.bin, an ONNX image encoder (DECODER is then the decoder's ONNX or weights file), or a folder with such
files. A file with a decoder alone says by --encoder whose image encoder it goes with. It is stored where DATA_DIR or
S3_BUCKET says, for every process that has the same setting, and signed where DATABASE_URL is set.

quantise makes a base model of another: the same decoder, and an image encoder that computes its linear layers in 8-bit
integers, which takes less time. It compares masks and time of both on drawn pages, and keeps the new one only where the
masks' mean IoU is .98 or more.
`;

export interface ModelCommandOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Runs the command; returns the process's exit code: 0 done, 1 refused or failed, 2 not understood. */
export async function modelCommand(
  argv: readonly string[],
  config: Config,
  { out, err }: ModelCommandOutput,
): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        name: { type: "string" },
        licence: { type: "string" },
        encoder: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    err(`${messageOf(error)}\n\n${usage}`);
    return 2;
  }
  const { values, positionals } = parsed;
  const [verb, ...paths] = positionals;
  if (values.help) {
    out(usage);
    return 0;
  }
  const { name, licence, encoder } = values;
  const isImport = verb === "import" && name !== undefined && paths.length > 0;
  const isQuantise = verb === "quantise" && name !== undefined && paths.length === 1;
  if (!isImport && !isQuantise && !(verb === "list" && paths.length === 0)) {
    err(usage);
    return 2;
  }
  const store = createObjectStore(config);
  const models = new BaseModels(store, resolve(config.DATA_DIR, "models"));
  const workFolder = resolve(config.DATA_DIR, "import");
  try {
    if (isQuantise) {
      const modelsFolder = resolve(config.DATA_DIR, "models");
      out(await quantiseModel({ store, models, of: paths[0] ?? "", name, workFolder, modelsFolder }));
      await signImported(config, store, name);
      return 0;
    }
    if (!isImport) {
      out(await listing(models));
      return 0;
    }
    const { manifest, isNew, lost, notes } = await importBaseModel({
      store,
      models,
      paths: paths.map((path) => resolve(path)),
      name,
      ...(licence === undefined ? {} : { licence }),
      ...(encoder === undefined ? {} : { encoderOf: encoder }),
      workFolder,
    });
    await signImported(config, store, name);
    const size = `${(manifest.parameters / 1e6).toFixed(1)} million weights`;
    out(
      `${isNew ? "Imported" : "Already there:"} ${name}: ${manifest.type}, ${size}, from ${manifest.source.format}\n` +
        [lost, ...notes].map((line) => `${line}\n`).join("") +
        `Projects choose it by "base_model": "${name}".\n`,
    );
    return 0;
  } catch (error) {
    if (!(error instanceof RefusedFile || error instanceof AppError)) throw error;
    const code = error instanceof RefusedFile ? error.reason : error.code;
    err(`Not ${isQuantise ? "made" : "imported"} (${code}): ${error.message}\n`);
    return 1;
  } finally {
    await store.close();
  }
}

/** Where the settings name a database; else it is signed by the first program that uses it or reads all objects through. */
async function signImported(config: Config, store: ObjectStore, name: string): Promise<void> {
  if (config.DATABASE_URL === undefined && config.DATABASE_SECRET_ARN === undefined) return;
  const databaseUrl = await databaseUrlOf(config);
  await migrate(databaseUrl);
  const database = openDatabase(databaseUrl, { max: 1 });
  try {
    await holdBaseModel(database.db, { name, files: signedFiles(await store.get(keys.baseModel(name))) });
  } finally {
    await database.close();
  }
}

async function listing(models: BaseModels): Promise<string> {
  const rows = [["name", "type", "weights", "from", "licence"]];
  for (const name of await models.names()) {
    const { type, licence } = await models.get(name);
    const manifest = baseModelNames().includes(name) ? null : await models.manifest(name);
    const count = manifest ? `${(manifest.parameters / 1e6).toFixed(1)} M` : "";
    rows.push([name, type, count, manifest?.source.format ?? "built in", licence]);
  }
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
}

if (import.meta.main) {
  process.exitCode = await modelCommand(process.argv.slice(2), readConfig(), {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
}
