import { open, stat } from "node:fs/promises";
import { RefusedFile } from "../checkpoint/refused.ts";
import { legacyStart } from "../checkpoint/torch/legacy.ts";
import { archiveStart, kindOfStart } from "../lib/archive-kind.ts";

/** `zip`: what torch.save writes, or a folder that was packed; `legacy`: what it wrote before PyTorch 1.6. */
export type FileKind = "zip" | "legacy" | "safetensors" | "onnx";

const save = `torch.save(model.state_dict(), "weights.pth")`;

/** What people keep models in that is not read: where its first bytes are so, and what to do about it. */
const others: readonly { readonly at?: number; readonly bytes: string; readonly what: string }[] = [
  {
    bytes: "version https://",
    what: "a pointer of Git LFS, not the file itself: fetch it with git lfs pull",
  },
  ...["\u0002", "\u0003", "\u0004", "\u0005"].map((protocol) => ({
    bytes: `\u0080${protocol}`,
    what: `a bare pickle, which is no file of torch.save; save the weights with ${save}`,
  })),
  {
    bytes: "\u0089HDF",
    what: "an HDF5 file, as Keras keeps weights; save SAM's in PyTorch, as safetensors or as ONNX",
  },
  { bytes: "GGUF", what: "a GGUF file; save the weights as safetensors, in 16 or 32 bits" },
  {
    at: 4,
    bytes: "TFL3",
    what: "a TensorFlow Lite model; save the weights in PyTorch, as safetensors or as ONNX",
  },
  {
    bytes: "ftrtengine",
    what: "an engine of TensorRT, which runs on one kind of GPU; import what it was built from",
  },
];
const webPage = /^\s*<(!doctype|html|\?xml)/i;

function otherKind(text: string): string | undefined {
  if (webPage.test(text))
    return "a web page, which a download may have ended at; fetch the file itself, logged in where that is wanted";
  return others.find(({ at = 0, bytes }) => text.startsWith(bytes, at))?.what;
}

/** What a model's file is by its first bytes. Throws RefusedFile `unreadable` or `truncated`. */
export async function sniff(path: string): Promise<FileKind> {
  await statOf(path);
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(archiveStart), 0, archiveStart, 0);
    if (bytesRead < 16) throw new RefusedFile("truncated", `${path} has ${bytesRead} bytes`);
    const start = buffer.subarray(0, bytesRead);
    const kind = kindOfStart(start);
    if (kind.kind === "zip") return "zip";
    // Before others, as a header's length may begin with any byte, also with those by which they are told
    if (buffer[8] === 0x7b && buffer[6] === 0 && buffer[7] === 0) return "safetensors";
    const text = Buffer.from(start).toString("latin1");
    if (text.startsWith(legacyStart)) return "legacy";
    const other = otherKind(text);
    const packed = kind.kind === "other" ? kind.known && kind.name : `a file packed by ${kind.kind}`;
    if (other ?? packed)
      throw new RefusedFile(
        "unreadable",
        `${path} is ${other ?? `${packed as string}: unpack it, and import what is in it`}`,
      );
    // ModelProto's first field, ir_version
    if (buffer[0] === 0x08) return "onnx";
    throw new RefusedFile("unreadable", `${path} is neither a PyTorch zip, nor safetensors, nor ONNX`);
  } finally {
    await file.close();
  }
}

/** Throws RefusedFile `unreadable`. */
export async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new RefusedFile("unreadable", `${path} can't be read: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}
