import { writeFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { torchFile } from "../../src/checkpoint/torch/write.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A state dict as a `.pth` file. */
export async function writeTorch(path: string, tensors: NamedTensors): Promise<void> {
  const contents = Object.entries(tensors).map(([name, { shape, data }]) => ({
    name,
    shape,
    content: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));
  await writeFile(path, await buffer(torchFile(contents)));
}

/** A zip of these entries, in a folder as torch.save makes one. */
export async function archiveOf(
  entries: Readonly<Record<string, Uint8Array | string>>,
  { compress = false } = {},
): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(entries)) {
    const bytes = typeof content === "string" ? utf8(content) : content;
    zip.addBuffer(Buffer.from(bytes), `archive/${path}`, { compress });
  }
  zip.end();
  return buffer(zip.outputStream);
}

/** A pickle of protocol 2 from its opcodes: text stands for itself, numbers for bytes. */
export const pickleOf = (...parts: readonly (string | number)[]): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(0x80, 2),
    ...parts.map((part) => (typeof part === "number" ? Uint8Array.of(part) : utf8(part))),
    Uint8Array.of(0x2e),
  ]);

/** BINUNICODE and its text. */
export const unicode = (text: string): string => `X${String.fromCharCode(text.length)}\0\0\0${text}`;
