import type { Readable } from "node:stream";
import { storedZip, type ZipEntry } from "../../lib/zip-writer.ts";
import type { TensorContent } from "../tensor-content.ts";
import { pickleStateDict } from "./write-pickle.ts";

/** The folder inside the archive, as torch.save names it after the file. */
const root = "archive";

/**
 * A state dict as torch.save writes it since 1.6: a zip of a pickle and one record of values per tensor (torch:
 * torch/serialization.py, caffe2/serialize/inline_container.cc). torch.load(weights_only=True) gives a dict of float32
 * CPU tensors by these names, and nothing else; with `under` it is the one entry of another dict. `extra` are further
 * records, which torch does not look at. The same tensors give the same bytes.
 */
export function torchFile(
  tensors: readonly TensorContent[],
  { extra = {}, under = null }: { extra?: Readonly<Record<string, string>>; under?: string | null } = {},
): Readable {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const named = tensors.map((tensor, i) => ({ ...tensor, key: String(i) }));
  const entries: ZipEntry[] = [
    { path: "data.pkl", content: pickleStateDict(named, under) },
    { path: "byteorder", content: text("little") },
    ...named.map(({ key, content }) => ({ path: `data/${key}`, content })),
    { path: "version", content: text("3\n") },
    ...Object.entries(extra).map(([path, value]) => ({ path, content: text(value) })),
  ];
  return storedZip(entries.map(({ path, content }) => ({ path: `${root}/${path}`, content })));
}
