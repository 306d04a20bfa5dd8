import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { mergeFirst } from "./adapter.ts";
import { RefusedFile } from "../checkpoint/refused.ts";

/** What a folder holds of a model: files to read together, or the parts of one file. */
export interface FolderFiles {
  readonly paths: readonly string[];
  /** Whether `paths` are parts of one weights file. */
  readonly parts: boolean;
  /** The configuration of an adapter, whose weights are the one path. */
  readonly adapter?: string;
}

/** By name, in preference to any other. */
const weightNames = ["model.safetensors", "pytorch_model.bin"];
/** An adapter of peft's, weights that are added to a model's. */
const adapterNames = ["adapter_model.safetensors", "adapter_model.bin"];
const weightFile = /\.(safetensors|pth|pt|ckpt|bin)$/i;
/** `model-00002-of-00003.safetensors`, as Hugging Face's programs cut large files. */
const partFile = /^(.+)-(\d{5})-of-(\d{5})\.(safetensors|bin|pth|pt)$/;
/** Beside the two that are wanted lie copies of fewer bits, in repositories of Transformers.js and in samexporter's output. */
const smaller = /([_.](fp16|quant|quantized|int8|uint8|q4|q4f16|bnb4))\.onnx$/;
/** Folders in a folder. */
const mostLevels = 3;

/**
 * The model in a folder: Hugging Face's weights, whole or in parts, two ONNX files, one ONNX file with a weights file, or
 * the one weights file that there is. Throws RefusedFile `unreadable`, or `truncated` where a part is missing.
 */
export async function filesOf(folder: string, level = 1): Promise<FolderFiles> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const named = weightNames.find((name) => names.includes(name));
  if (named) return { paths: [join(folder, named)], parts: false };
  const parts = partsOf(folder, names);
  if (parts) return { paths: parts, parts: true };
  const adapter = adapterNames.find((name) => names.includes(name));
  if (adapter !== undefined) {
    if (!names.includes("adapter_config.json"))
      throw new RefusedFile(
        "unreadable",
        `${folder} holds an adapter of peft without its adapter_config.json, which says how much of it is added; ${mergeFirst}`,
      );
    return { paths: [join(folder, adapter)], parts: false, adapter: join(folder, "adapter_config.json") };
  }

  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const inner = folders.includes("onnx") ? join(folder, "onnx") : folder;
  const all = (await readdir(inner)).filter((name) => name.endsWith(".onnx") && !smaller.test(name)).sort();
  // What refines a bundle's masks stands in its decoder's metadata, too.
  const graphs = all.length === 3 ? all.filter((name) => name !== "refine.onnx") : all;
  if (graphs.length === 2) return { paths: graphs.map((name) => join(inner, name)), parts: false };

  const weights = names.filter((name) => weightFile.test(name)).sort();
  const found = [...graphs.map((name) => join(inner, name)), ...weights.map((name) => join(folder, name))];
  if (weights.length === 1 && graphs.length < 2) return { paths: found, parts: false };
  const [only, another] = folders.filter((name) => !/^[._]/.test(name));
  if (found.length === 0 && only !== undefined && another === undefined && level < mostLevels)
    return filesOf(join(folder, only), level + 1);
  throw new RefusedFile(
    "unreadable",
    found.length > 1
      ? `${folder} holds ${found.length} models (${[...graphs, ...weights].slice(0, 8).join(", ")}): name the file that is meant`
      : `${folder} holds neither a weights file (${weightNames.join(", ")}, or one of any name) nor two ONNX files (${graphs.length} found)`,
  );
}

function partsOf(folder: string, names: readonly string[]): string[] | null {
  const parts = names.flatMap((name) => {
    const [, stem, , count, ext] = partFile.exec(name) ?? [];
    return stem === undefined ? [] : [{ name, kind: `${stem} ${count} ${ext}`, count: Number(count) }];
  });
  // Repositories may hold the same weights as safetensors and as pickles
  const first = parts.find(({ kind }) => kind.endsWith("safetensors")) ?? parts[0];
  if (!first) return null;
  const own = parts.filter(({ kind }) => kind === first.kind).map(({ name }) => name);
  if (own.length !== first.count)
    throw new RefusedFile(
      "truncated",
      `${folder} holds ${own.length} of the ${first.count} parts that ${first.name} is one of`,
    );
  return own.sort().map((name) => join(folder, name));
}
