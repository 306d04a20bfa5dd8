import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RefusedFile } from "../checkpoint/refused.ts";
import { openSafetensors } from "../checkpoint/safetensors-file.ts";
import type { TensorFile } from "../checkpoint/tensor-file.ts";
import { openTorch } from "../checkpoint/torch/read.ts";

/** What was given to import, told by content. */
export type Source =
  | { readonly kind: "weights"; readonly path: string; open(): Promise<TensorFile> }
  | {
      readonly kind: "onnx";
      readonly graphs: readonly string[];
      /** The decoder's, where that is no ONNX file. */
      readonly weights?: Extract<Source, { kind: "weights" }>;
    };

/**
 * One weights file, one or two ONNX files, an ONNX encoder with its decoder's weights file, or a folder with such in it (Hugging Face's repositories, samexporter's
 * output). Throws RefusedFile `unreadable` or `truncated`, naming what was found.
 */
export async function findSource(paths: readonly string[]): Promise<Source> {
  const [first, ...others] = paths;
  if (first === undefined) throw new RefusedFile("unreadable", "no file was named");
  if (others.length === 0 && (await statOf(first)).isDirectory()) return findSource(await filesOf(first));
  const graphs: string[] = [];
  const weights: Extract<Source, { kind: "weights" }>[] = [];
  for (const path of paths) {
    const kind = await sniff(path);
    if (kind === "onnx") graphs.push(path);
    else
      weights.push({
        kind: "weights",
        path,
        open: () => (kind === "torch" ? openTorch(path) : openSafetensors(path)),
      });
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

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new RefusedFile("unreadable", `${path} can't be read: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}

/** The first of these that a folder holds, of weights in preference to ONNX. */
const weightNames = ["model.safetensors", "pytorch_model.bin"];

async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const weights = weightNames.find((name) => names.includes(name));
  if (weights) return [join(folder, weights)];
  const inner = names.includes("onnx") ? join(folder, "onnx") : folder;
  const graphs = (await readdir(inner)).filter((name) => name.endsWith(".onnx"));
  // A repository of Transformers.js has quantised copies beside the two that are wanted
  const full = graphs.filter((name) => !/_(fp16|quantized|int8|uint8|q4|q4f16|bnb4)\.onnx$/.test(name));
  if (full.length === 2) return full.map((name) => join(inner, name));
  throw new RefusedFile(
    "unreadable",
    `${folder} holds neither ${weightNames.join(" nor ")} nor two ONNX files (${full.length} found)`,
  );
}

async function sniff(path: string): Promise<"torch" | "safetensors" | "onnx"> {
  await statOf(path);
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(16), 0, 16, 0);
    if (bytesRead < 16) throw new RefusedFile("truncated", `${path} has ${bytesRead} bytes`);
    const text = new TextDecoder("latin1").decode(buffer);
    if (text.startsWith("PK\u0003\u0004")) return "torch";
    if (text.startsWith("version https://"))
      throw new RefusedFile("unreadable", `${path} is a pointer of Git LFS, not the file itself`);
    // First, as a header's length may begin with any byte, also with those by which others are told
    if (text[8] === "{" && buffer[6] === 0 && buffer[7] === 0) return "safetensors";
    if (buffer[0] === 0x80)
      throw new RefusedFile(
        "unreadable",
        `${path} is a bare pickle, as PyTorch wrote them before 1.6; save it again`,
      );
    // ModelProto's first field, ir_version
    if (buffer[0] === 0x08) return "onnx";
    throw new RefusedFile("unreadable", `${path} is neither a PyTorch zip, nor safetensors, nor ONNX`);
  } finally {
    await file.close();
  }
}
