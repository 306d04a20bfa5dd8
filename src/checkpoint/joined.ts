import { RefusedFile } from "./refused.ts";
import type { TensorFile } from "./tensor-file.ts";

/** Parts of a weights file as one; closing it closes them. Throws RefusedFile `unreadable` where two have one tensor. */
export function joined(parts: readonly TensorFile[]): TensorFile {
  const owners = new Map<string, TensorFile>();
  for (const part of parts)
    for (const name of part.shapes.keys()) {
      if (owners.has(name)) throw new RefusedFile("unreadable", `two parts hold a tensor ${name}`);
      owners.set(name, part);
    }
  const [first] = parts;
  return {
    format: first?.format ?? "",
    metadata: first?.metadata ?? {},
    shapes: new Map(parts.flatMap(({ shapes }) => [...shapes])),
    unread: new Map(parts.flatMap(({ unread }) => [...unread])),
    read: (name) => {
      const owner = owners.get(name);
      if (!owner) throw new Error(`there is no tensor ${name}`);
      return owner.read(name);
    },
    close: async () => {
      for (const part of parts) await part.close();
    },
  };
}
