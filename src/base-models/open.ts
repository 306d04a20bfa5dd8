import { joined } from "../checkpoint/joined.ts";
import { withLora } from "../checkpoint/lora.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { openSafetensors } from "../checkpoint/safetensors-file.ts";
import type { TensorFile } from "../checkpoint/tensor-file.ts";
import { openTorch } from "../checkpoint/torch/read.ts";
import { filesOf } from "./folder.ts";
import { type FileKind, sniff, statOf } from "./sniff.ts";
import { unpackedModel } from "./unpack.ts";

/** What was given to import, told by content. */
export type Source =
  | {
      readonly kind: "weights";
      /** One file, or the parts of one. */
      readonly paths: readonly string[];
      /** Whether it is one zip, which may be a folder that was packed. */
      readonly zip: boolean;
      /** Where these are an adapter's, its configuration. */
      readonly adapter?: string;
      open(): Promise<TensorFile>;
    }
  | {
      readonly kind: "onnx";
      readonly graphs: readonly string[];
      /** The decoder's, where that is no ONNX file. */
      readonly weights?: WeightsSource;
    };
export type WeightsSource = Extract<Source, { kind: "weights" }>;

/**
 * One weights file, one or two ONNX files, an ONNX encoder with its decoder's weights file, or a folder with such in it
 * (Hugging Face's repositories, samexporter's output). A few bytes of each are looked at.
 * Throws RefusedFile `unreadable` or `truncated`, naming what was found.
 */
export async function findSource(paths: readonly string[]): Promise<Source> {
  const [first, ...others] = paths;
  if (first === undefined) throw new RefusedFile("unreadable", "no file was named");
  if (others.length === 0 && (await statOf(first)).isDirectory()) {
    const found = await filesOf(first);
    if (found.adapter !== undefined) return { ...(await weightsOf(found.paths)), adapter: found.adapter };
    return found.parts ? weightsOf(found.paths) : findSource(found.paths);
  }
  const graphs: string[] = [];
  const weights: WeightsSource[] = [];
  for (const path of paths) {
    if ((await sniff(path)) === "onnx") graphs.push(path);
    else weights.push(await weightsOf([path]));
  }
  const [own] = weights;
  if (paths.length > 2 || weights.length > 1)
    throw new RefusedFile(
      "unreadable",
      "one weights file, or an image encoder and a decoder, are read at a time",
    );
  if (own) return graphs.length === 0 ? own : { kind: "onnx", graphs, weights: own };
  return { kind: "onnx", graphs };
}

/**
 * findSource, of what a zip holds where it is a folder that was packed: that is unpacked into `folder`, which is made for
 * it and is the caller's to remove. Throws as findSource, and RefusedFile `zip_bomb`.
 */
export async function findPacked(paths: readonly string[], folder: string): Promise<Source> {
  const source = await findSource(paths);
  if (source.kind !== "weights" || !source.zip) return source;
  const unpacked = await unpackedModel(source.paths[0] as string, folder);
  return unpacked ? findSource([folder]) : source;
}

async function weightsOf(paths: readonly string[]): Promise<WeightsSource> {
  const kinds: FileKind[] = [];
  for (const path of paths) kinds.push(await sniff(path));
  const openOne = (path: string, i: number): Promise<TensorFile> =>
    kinds[i] === "safetensors" ? openSafetensors(path) : openTorch(path);
  return {
    kind: "weights",
    paths,
    zip: paths.length === 1 && kinds[0] === "zip",
    open: async () => withLora(await openAll(paths, openOne)),
  };
}

async function openAll(
  paths: readonly string[],
  openOne: (path: string, i: number) => Promise<TensorFile>,
): Promise<TensorFile> {
  const [only, another] = paths;
  if (only !== undefined && another === undefined) return openOne(only, 0);
  const parts: TensorFile[] = [];
  try {
    for (const [i, path] of paths.entries()) parts.push(await openOne(path, i));
    return joined(parts);
  } catch (error) {
    for (const part of parts) await part.close();
    throw error;
  }
}
