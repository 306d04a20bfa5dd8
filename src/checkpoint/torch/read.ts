import { type FileHandle, open } from "node:fs/promises";
import { RefusedFile } from "../refused.ts";
import { itemBytes, readBytes, type TensorFile, toFloat32 } from "../tensor-file.ts";
import { openArchive, type TorchArchive } from "./archive.ts";
import { legacyStart, openLegacy } from "./legacy.ts";
import type { TensorRef } from "./globals.ts";
import { type Named, namedTensors } from "./named.ts";
import { readCheckpoint } from "./pickle.ts";

/**
 * Opens a `.pth` or `.pt` of torch.save: a state dict, or a training checkpoint with one somewhere in it. Tensors have the
 * names that named.ts gives. No code of the file runs (pickle.ts). What is no tensor of floating-point numbers is left out.
 * Throws RefusedFile `foreign_global`, `zip_bomb`, `truncated` or `unreadable`.
 */
export async function openTorch(path: string): Promise<TensorFile> {
  const file = await open(path);
  try {
    const { archive, root } = await openEither(file);
    const { tensors, unread } = tensorsOf(root);
    return {
      metadata: await factsOf(file, archive),
      format: "PyTorch",
      unread,
      shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
      read: async (name) => {
        const tensor = tensors.get(name);
        if (!tensor) throw new Error(`there is no tensor ${name}`);
        const place = await placeOf(archive, name, tensor);
        const bytes = await readBytes(file, place.start, place.count * itemBytes[place.itemType]);
        const values = toFloat32(bytes, place.itemType);
        return isContiguous(tensor) ? values : gathered(tensor, values);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The zip of PyTorch 1.6 and later, or the pickles of those before, and what the checkpoint's own holds. */
async function openEither(file: FileHandle): Promise<{ archive: TorchArchive; root: unknown }> {
  const start = Buffer.alloc(legacyStart.length);
  await file.read(start, 0, start.length, 0);
  if (start.toString("latin1") === legacyStart) {
    const archive = await openLegacy(file);
    return { archive, root: archive.root };
  }
  const archive = await openArchive(file);
  return { archive, root: readCheckpoint(archive.pickle) };
}

/** The record that our own files carry beside their tensors (torch/write.ts); other files have none. */
async function factsOf(file: FileHandle, archive: TorchArchive): Promise<Record<string, string>> {
  const size = archive.size("facts.json");
  if (size === null || size > maxFactsBytes) return {};
  const text = new TextDecoder().decode(await readBytes(file, await archive.start("facts.json"), size));
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}

const maxFactsBytes = 64 * 1024;

function tensorsOf(root: unknown): Pick<Named, "tensors" | "unread"> {
  const { tensors, unread, objects } = namedTensors(root);
  if (tensors.size > 0 || unread.size > 0) return { tensors, unread };
  const [whole] = [...objects];
  if (!whole)
    throw new RefusedFile("unreadable", "the file holds no state dict: no dict of names and tensors");
  const [path, name] = whole;
  throw new RefusedFile(
    "foreign_global",
    `the file holds no weights by their names, but a whole Python object of ${name.slice(0, 200)}${path && ` as ${path.slice(0, 200)}`}, which would have to be run to be read; save its weights alone: torch.save(model.state_dict(), "weights.pth")`,
  );
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The bytes to read: all values between a tensor's first and last. */
async function placeOf(archive: TorchArchive, name: string, { storage, offset, shape, strides }: TensorRef) {
  const entry = `data/${storage.key}`;
  const found = archive.size(entry);
  const { itemType } = storage;
  if (itemType === null) throw new RefusedFile("unreadable", `${name} is of ${storage.typeName}`);
  if (found === null) throw new RefusedFile("truncated", `the zip lacks ${entry}, the values of ${name}`);
  if (found !== storage.length * itemBytes[itemType])
    throw new RefusedFile(
      "truncated",
      `${entry}, the values of ${name}, has ${found} bytes where ${storage.length * itemBytes[itemType]} are due`,
    );
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] ?? 0), 0);
  const count = sizeOf(shape) === 0 ? 0 : last + 1;
  if (offset + count > storage.length || sizeOf(shape) > storage.length)
    throw new RefusedFile("unreadable", `${name} reaches beyond its storage of ${storage.length} values`);
  return { start: (await archive.start(entry)) + offset * itemBytes[itemType], count, itemType };
}

function isContiguous({ shape, strides }: TensorRef): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i] as number;
  }
  return true;
}

/** A transposed or sliced tensor's values in row-major order. */
function gathered({ shape, strides }: TensorRef, values: Float32Array): Float32Array {
  const out = new Float32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let i = 0, at = 0; i < out.length; i++) {
    out[i] = values[at] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      at += strides[axis] as number;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
