import { open } from "node:fs/promises";
import { messageOf } from "../lib/errors.ts";
import { RefusedFile } from "./refused.ts";
import { maxHeaderBytes, readHeader } from "./safetensors.ts";
import { isItemType, itemBytes, readBytes, type TensorFile, toFloat32, unreadBytes } from "./tensor-file.ts";

/** Opens a safetensors file, whose floating-point tensors are read one at a time. Throws RefusedFile `truncated` or `unreadable`. */
export async function openSafetensors(path: string): Promise<TensorFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const head = await readBytes(file, 0, 8);
    const headerBytes = Number(new DataView(head.buffer).getBigUint64(0, true));
    if (headerBytes > maxHeaderBytes)
      throw unreadable(`its header has ${headerBytes} bytes; ${maxHeaderBytes} are the most that are read`);
    const header = await readBytes(file, 8, headerBytes);
    const start = 8 + headerBytes;
    const { entries, metadata } = entriesOf(header, size - start);
    return {
      format: "safetensors",
      metadata,
      shapes: new Map([...entries].filter(isRead).map(([name, { shape }]) => [name, shape])),
      unread: new Map(
        [...entries].filter((entry) => !isRead(entry)).map(([name, { dtype }]) => [name, dtype]),
      ),
      read: async (name) => {
        const entry = entries.get(name);
        if (!entry || !isItemType(entry.dtype)) throw new Error(`there is no tensor ${name}`);
        const bytes = await readBytes(file, start + entry.begin, entry.end - entry.begin);
        return toFloat32(bytes, entry.dtype);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const isRead = ([, { dtype }]: readonly [string, { readonly dtype: string }]): boolean => isItemType(dtype);

function entriesOf(header: Uint8Array, length: number) {
  try {
    const { entries, metadata } = readHeader(header, length, { ...itemBytes, ...unreadBytes });
    return { entries: new Map(entries.map((entry) => [entry.name, entry])), metadata };
  } catch (error) {
    const message = messageOf(error);
    throw new RefusedFile(message.includes("ends at byte") ? "truncated" : "unreadable", message, {
      cause: error,
    });
  }
}

const unreadable = (why: string): RefusedFile =>
  new RefusedFile("unreadable", `not a valid safetensors file: ${why}`);
